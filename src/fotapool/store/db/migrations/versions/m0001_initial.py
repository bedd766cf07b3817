"""The first schema, as it was at 0.1.0. Never edited: a later version adds a migration of its own."""

from __future__ import annotations

from alembic import op

from fotapool.store.db import postgres, sqlite

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE account (
    id {identity},
    name TEXT NOT NULL UNIQUE,
    purchase_type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_ms BIGINT NOT NULL
);
CREATE TABLE license_pool (
    account_id BIGINT PRIMARY KEY,
    total BIGINT NOT NULL CHECK (total >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    notice BIGINT NOT NULL CHECK (notice >= 0),
    entries BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    candidates BIGINT NOT NULL,
    candidates_updated_ms BIGINT NOT NULL,
    subscription_updated_ms BIGINT NOT NULL,
    CONSTRAINT never_one_too_many CHECK (notice <= used AND used - notice <= total)
);
CREATE TABLE device (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    make TEXT NOT NULL,
    model TEXT NOT NULL,
    firmware TEXT NOT NULL,
    protocol TEXT NOT NULL,
    mdn TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, imei)
){clustered};
CREATE UNIQUE INDEX device_has_one_account ON device (imei);
CREATE TABLE license (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    assigned_ms BIGINT NOT NULL,
    place BIGINT NOT NULL,
    state BIGINT NOT NULL,
    notice_until_ms BIGINT,
    notice_place BIGINT,
    PRIMARY KEY (account_id, imei),
    CHECK ((state >= 2) = (notice_until_ms IS NOT NULL))
){clustered};
CREATE INDEX license_by_age ON license (account_id, assigned_ms, place);
CREATE INDEX license_under_notice ON license (notice_until_ms, account_id) WHERE notice_until_ms IS NOT NULL;
CREATE TABLE candidate (
    account_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    PRIMARY KEY (account_id, place)
){clustered};
CREATE UNIQUE INDEX candidate_once ON candidate (account_id, imei);
CREATE TABLE upgrade (
    id {identity},
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    campaign_id TEXT,
    status BIGINT NOT NULL CHECK (status BETWEEN 1 AND 5),
    scheduled_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT
);
CREATE UNIQUE INDEX upgrade_open_once ON upgrade (account_id, imei) WHERE status <= 2;
CREATE INDEX upgrade_by_device ON upgrade (account_id, imei);
CREATE TABLE pool_change (
    account_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (account_id, number)
){clustered};
CREATE TABLE ledger_entry (
    account_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    change_number BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 9),
    used_after BIGINT NOT NULL CHECK (used_after >= 0),
    PRIMARY KEY (account_id, number)
){clustered};
CREATE INDEX ledger_by_device ON ledger_entry (account_id, imei);
CREATE TABLE api_client (
    client_key TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL
){clustered};
CREATE TABLE bearer_token (
    token_hash {bytes} PRIMARY KEY,
    client_key TEXT NOT NULL,
    nonce {bytes} NOT NULL,
    issued_ms BIGINT NOT NULL,
    revoked BIGINT NOT NULL
){clustered};
CREATE INDEX bearer_token_by_client ON bearer_token (client_key, issued_ms);
CREATE TABLE api_user (
    username TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    failed_logins BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
){clustered};
CREATE TABLE user_account (
    username TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    PRIMARY KEY (username, account_id)
){clustered};
CREATE TABLE user_session (
    token_hash {bytes} PRIMARY KEY,
    username TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    last_used_ms BIGINT NOT NULL
){clustered};
CREATE INDEX user_session_by_use ON user_session (last_used_ms);
CREATE TABLE sign_in_endings (
    number BIGINT NOT NULL
);
INSERT INTO sign_in_endings VALUES (0);
CREATE TABLE operator_key (
    name TEXT PRIMARY KEY,
    key_hash {bytes} NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
){clustered};
"""


def upgrade() -> None:
    words = sqlite.WORDS if op.get_context().dialect.name == "sqlite" else postgres.WORDS
    for statement in TABLES.format(**words).split(";\n"):
        if statement.strip():
            op.execute(statement)
