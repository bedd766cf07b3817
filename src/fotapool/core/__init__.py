"""Small modules that every layer may use: time, settings, hashing, CSV."""
