"""`fotapool accounts`, `subscription`, `statements`, `ledger` and `deliveries`."""
