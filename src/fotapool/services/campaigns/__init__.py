"""Campaigns: what users ask, and the steps of the worker."""
