"""The operator API's operations on accounts."""
