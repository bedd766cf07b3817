"""Tests of the rules: examples, properties, and that every word table is total."""
