"""`fotapool demo`."""
