"""SQL on devices, check-ins, logs and timelines."""
