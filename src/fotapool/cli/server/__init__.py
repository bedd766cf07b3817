"""Commands that run servers and maintain their databases."""
