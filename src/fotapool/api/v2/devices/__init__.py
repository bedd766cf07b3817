"""Version 2's operations on devices."""
