"""Of an account: simulated devices, faults, recorded requests, and the report of a failed test."""
