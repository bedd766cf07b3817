"""Version 2 of the API: HTTP devices."""
