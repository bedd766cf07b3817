"""The keys of operators and devices, replaced secrets of clients, and the key that the server was started with.

A key with `expires_ms` was replaced: it is valid until then. All others are valid until they are replaced or deleted.
"""

TABLES = """
CREATE TABLE operator_key (
    key_hash {bytes} PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('viewer', 'editor', 'admin')),
    created_ms BIGINT NOT NULL,
    prefix TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    used_ms BIGINT,
    expires_ms BIGINT
){clustered};
CREATE UNIQUE INDEX operator_key_present ON operator_key (name) WHERE expires_ms IS NULL;
CREATE UNIQUE INDEX operator_key_replaced ON operator_key (name) WHERE expires_ms IS NOT NULL;
CREATE TABLE start_key (
    key_hash {bytes} PRIMARY KEY,
    used_ms BIGINT,
    retired_ms BIGINT
){clustered};
CREATE TABLE device_key (
    key_hash {bytes} PRIMARY KEY,
    account_id BIGINT NOT NULL,
    imei BIGINT,
    name TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    prefix TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    used_ms BIGINT,
    expires_ms BIGINT
){clustered};
CREATE UNIQUE INDEX device_key_present ON device_key (account_id, name) WHERE expires_ms IS NULL;
CREATE UNIQUE INDEX device_key_replaced ON device_key (account_id, name) WHERE expires_ms IS NOT NULL;
CREATE TABLE replaced_secret (
    client_key TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
){clustered};
CREATE INDEX device_key_of_device ON device_key (account_id, imei) WHERE imei IS NOT NULL;
CREATE INDEX device_key_expiry ON device_key (expires_ms) WHERE expires_ms IS NOT NULL;
"""
