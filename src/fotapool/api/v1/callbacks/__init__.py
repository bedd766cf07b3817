"""Version 1's operations on callbacks."""
