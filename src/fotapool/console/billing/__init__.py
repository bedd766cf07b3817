"""Statements of one account and of all, and the reconciliation with the list of the carrier."""
