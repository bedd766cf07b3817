"""Version 1 of the API: OMA-DM and LWM2M devices."""
