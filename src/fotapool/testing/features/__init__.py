"""What an account of a test has: simulated devices, faults, recorded requests, and the report of a failed test."""
