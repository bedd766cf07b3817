"""Modules for all layers above the domain: time, settings, hashing, CSV, content storage."""
