"""The web console: server-rendered pages for operators, on the same services as the operator API."""
