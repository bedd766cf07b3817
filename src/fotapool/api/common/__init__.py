"""What the dialects share: reading requests, checking tokens, wording refusals, writing times."""
