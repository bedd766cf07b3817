"""Features of the emulator only: fault injection, request inspector, hints."""
