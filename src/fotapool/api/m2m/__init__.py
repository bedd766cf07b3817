"""What clients of the versions call of the vendor's Connectivity Management API (`/api/m2m/v1`)."""
