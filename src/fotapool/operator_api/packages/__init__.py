"""The operator API's operations on packages and their contents."""
