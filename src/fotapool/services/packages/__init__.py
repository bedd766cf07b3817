"""Packages, files and their contents."""
