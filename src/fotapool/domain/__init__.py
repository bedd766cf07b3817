"""The rules: pure functions over facts. Standard library and core.timestamps only; no clock, no randomness, no await."""
