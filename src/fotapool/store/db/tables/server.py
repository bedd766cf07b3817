"""The tables of the server: who may use it, and what operators did."""

TABLES = """
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
    revoked BIGINT NOT NULL,
    of_replaced BIGINT NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT ''
){clustered};
CREATE INDEX bearer_token_by_client ON bearer_token (client_key, issued_ms);
CREATE INDEX bearer_token_by_time ON bearer_token (issued_ms);
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
    last_used_ms BIGINT NOT NULL,
    address TEXT NOT NULL DEFAULT ''
){clustered};
CREATE INDEX user_session_by_use ON user_session (last_used_ms);
CREATE INDEX user_session_by_user ON user_session (username, last_used_ms);
CREATE TABLE commit_marker (
    writer TEXT PRIMARY KEY,
    batch BIGINT NOT NULL
);
CREATE TABLE auth_epoch (
    number BIGINT NOT NULL
);
INSERT INTO auth_epoch (number) VALUES (0);
CREATE TABLE console_session (
    token_hash {bytes} PRIMARY KEY,
    operator TEXT NOT NULL,
    key_digest {bytes} NOT NULL,
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms BIGINT,
    address TEXT NOT NULL
){clustered};
CREATE INDEX console_session_by_expiry ON console_session (expires_ms);
CREATE TABLE server_secret (
    name TEXT PRIMARY KEY,
    secret {bytes} NOT NULL
){clustered};
CREATE TABLE audit_log (
    id {identity},
    at_ms BIGINT NOT NULL,
    operator TEXT NOT NULL,
    role TEXT NOT NULL,
    via TEXT NOT NULL CHECK (via IN ('operator-api', 'console', 'command', 'server')),
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    account TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT,
    status BIGINT,
    reason TEXT NOT NULL,
    refused_minute BIGINT,
    attempts BIGINT NOT NULL CHECK (attempts > 0),
    last_ms BIGINT NOT NULL,
    CHECK ((status IS NULL) = (refused_minute IS NULL))
);
CREATE INDEX audit_log_by_time ON audit_log (at_ms, id);
CREATE INDEX audit_log_by_operator ON audit_log (operator, at_ms, id);
CREATE INDEX audit_log_by_action ON audit_log (action, at_ms, id, operator);
CREATE INDEX audit_log_by_account ON audit_log (account, at_ms, id, action, operator);
CREATE INDEX audit_log_by_target ON audit_log (target, at_ms, id);
CREATE INDEX audit_log_by_request ON audit_log (request_id, at_ms, id);
CREATE INDEX audit_log_refused ON audit_log (at_ms, id, action, operator) WHERE refused_minute IS NOT NULL;
CREATE UNIQUE INDEX audit_log_refused_once ON audit_log (refused_minute, operator, via, address, action, status)
    WHERE refused_minute IS NOT NULL;
"""
