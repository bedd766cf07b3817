"""`fotapool mcp`: a running server as tools of a coding assistant, by the Model Context Protocol."""
