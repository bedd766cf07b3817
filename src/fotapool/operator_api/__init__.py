"""The operator plane at /control/v1: its own key, plain JSON, errors as RFC 9457 problem details."""
