"""The published examples, byte for byte; and the tests that replay them."""
