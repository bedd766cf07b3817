"""`fotapool accounts`, `subscription`, `statements` and `ledger`."""
