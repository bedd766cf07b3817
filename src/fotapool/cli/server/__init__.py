"""Commands that start servers and look after their databases."""
