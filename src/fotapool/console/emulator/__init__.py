"""Console pages of the emulator."""
