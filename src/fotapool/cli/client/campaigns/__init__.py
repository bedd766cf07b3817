"""`fotapool campaigns`."""
