"""Campaigns: the requests of users and operators, and the steps of the worker."""
