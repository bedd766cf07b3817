"""SQL on campaigns and upgrades."""
