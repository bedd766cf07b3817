"""The operator API's operations that only the emulator has."""
