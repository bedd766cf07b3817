"""Seeds, snapshots and restores."""
