"""Callback listeners and deliveries."""
