"""Roles of operators, tokens and sessions of users."""
