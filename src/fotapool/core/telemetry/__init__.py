"""Metrics and traces: what each process of a server counts and measures, and how monitoring gets it."""
