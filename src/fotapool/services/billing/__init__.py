"""Billing statements."""
