"""`fotapool licenses` and `fotapool candidates`."""
