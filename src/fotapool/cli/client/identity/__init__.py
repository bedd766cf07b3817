"""`fotapool users`, `clients` and `operators`."""
