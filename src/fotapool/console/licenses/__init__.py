"""Licenses in bulk, removal candidates, the ledger and the audit log."""
