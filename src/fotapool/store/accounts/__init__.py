"""SQL on accounts and their pools."""
