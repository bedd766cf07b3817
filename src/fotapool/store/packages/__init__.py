"""SQL on packages, files and their contents."""
