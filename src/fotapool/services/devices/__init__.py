"""Devices: imports, lists, search, check-ins, logs, timelines."""
