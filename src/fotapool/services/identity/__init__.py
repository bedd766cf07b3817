"""Sign-in, users, clients, operators and device keys."""
