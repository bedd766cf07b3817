"""Version 2's operations on configuration files."""
