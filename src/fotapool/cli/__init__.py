"""The command line: commands that start or look after servers, and in client/ those that call them."""
