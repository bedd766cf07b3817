"""The command line: commands that run servers, and in client/ those that call them."""
