"""The rules: pure functions over facts, with the standard library only. No clock, no randomness, no await."""
