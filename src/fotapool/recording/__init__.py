"""Recordings of a real service, without what is secret in them; and what this server answers to the same requests."""
