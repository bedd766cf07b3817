"""`fotapool devices`."""
