"""Rules on campaigns and upgrades."""
