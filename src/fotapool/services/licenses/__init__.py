"""Licenses: assign and remove, candidates, bulk jobs, notices, the ledger."""
