"""Rules on devices and their timelines."""
