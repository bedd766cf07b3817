"""Sign-in: OAuth tokens (`/api/ts/v1`) and sessions (`/api/m2m/v1`)."""
