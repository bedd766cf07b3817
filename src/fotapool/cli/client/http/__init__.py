"""HTTP clients of the commands, the server they talk to, and profiles with its credentials."""
