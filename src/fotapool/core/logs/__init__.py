"""The log: its events, the request that a line belongs to, its formats, and how it is set up in a process."""
