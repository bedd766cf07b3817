"""What a test can tell the emulator about its account, and read of it: fleets, faults, requests."""
