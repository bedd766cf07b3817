"""Pages that only the emulator has."""
