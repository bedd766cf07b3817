"""SQL on users, clients, operators, tokens, sessions and device keys."""
