"""The operator API at /control/v1: operator keys, JSON, errors as RFC 9457 problem details."""
