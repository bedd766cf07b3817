"""What only the emulator puts around the API: faults, the inspector of requests, hints."""
