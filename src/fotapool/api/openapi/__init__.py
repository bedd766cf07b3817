"""The documented API in the OpenAPI document."""
