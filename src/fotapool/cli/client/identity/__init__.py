"""`fotapool users`, `clients`, `operators` and `device-keys`."""
