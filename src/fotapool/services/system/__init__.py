"""The server itself: whether it is ready, and what it does."""
