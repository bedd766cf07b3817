"""The OpenAPI document, generated from tables of operations."""
