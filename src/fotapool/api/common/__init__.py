"""What the versions share: reading requests, checking tokens, error messages, writing times."""
