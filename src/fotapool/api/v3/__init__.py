"""Version 3 of the API: LWM2M devices with network awareness."""
