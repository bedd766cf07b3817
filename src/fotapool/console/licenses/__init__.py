"""Licenses in bulk, removal candidates and the ledger."""
