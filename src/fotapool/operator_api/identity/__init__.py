"""The operator API's operations on users, clients, operators and device keys."""
