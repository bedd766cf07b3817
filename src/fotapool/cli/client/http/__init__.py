"""HTTP for the client commands: targets, the documented API, the operator API."""
