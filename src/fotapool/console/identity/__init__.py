"""Sign-in, and the pages of users, clients, operators and device keys."""
