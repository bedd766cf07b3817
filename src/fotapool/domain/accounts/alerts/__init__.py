"""Rules on alerts: what they watch, when they begin and end, and what is sent about them."""
