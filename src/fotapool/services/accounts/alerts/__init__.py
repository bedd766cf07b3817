"""Alerts: their rules, their evaluation, and what operators do with them."""
