"""The kit of all HTTP APIs and the console: tables of operations, parameters, bodies, errors, OpenAPI, health."""
