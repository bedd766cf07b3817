"""`fotapool clock`, `snapshot`, `faults` and `requests`."""
