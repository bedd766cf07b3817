"""Profiles of servers and credentials."""
