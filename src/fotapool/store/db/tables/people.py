"""The table of people who sign in to the console through an OpenID provider."""

TABLES = """
CREATE TABLE person (
    name TEXT PRIMARY KEY,
    sub TEXT NOT NULL,
    provider {bytes} NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    expires_ms BIGINT NOT NULL
){clustered};
CREATE INDEX person_by_expiry ON person (expires_ms);
"""
