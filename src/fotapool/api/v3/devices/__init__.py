"""Version 3's operations on devices."""
