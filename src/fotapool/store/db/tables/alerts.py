"""The tables of stop rules and alerts, and the indexes by which alerts are evaluated.

Rows with the account id 0 belong to the server: they are about all accounts.
"""

TABLES = """
CREATE TABLE campaign_stop_rule (
    account_id BIGINT PRIMARY KEY,
    percent BIGINT CHECK (percent BETWEEN 1 AND 100),
    devices BIGINT CHECK (devices > 0),
    CHECK ((percent IS NULL) = (devices IS NULL))
){clustered};
CREATE TABLE campaign_stop (
    campaign_id BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    percent BIGINT NOT NULL,
    devices BIGINT NOT NULL
){clustered};
CREATE TABLE alert_rule (
    id {identity},
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    threshold BIGINT NOT NULL,
    minimum BIGINT NOT NULL,
    targets TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    silenced_until_ms BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE TABLE alert (
    id {identity},
    rule_id BIGINT NOT NULL,
    rule_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    account_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    value BIGINT,
    text TEXT NOT NULL,
    began_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    notified BIGINT NOT NULL,
    acknowledged_ms BIGINT,
    acknowledged_by TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE UNIQUE INDEX alert_open_once ON alert (rule_id, account_id, topic) WHERE ended_ms IS NULL;
CREATE INDEX alert_open_of_account ON alert (account_id, id) WHERE ended_ms IS NULL;
CREATE INDEX alert_of_account ON alert (account_id, id);
CREATE INDEX alert_ended ON alert (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE alert_pass (
    number BIGINT PRIMARY KEY,
    began_ms BIGINT NOT NULL,
    after_account BIGINT
){clustered};
CREATE INDEX campaign_by_end ON campaign (account_id, ended_ms);
CREATE INDEX subscription_period_by_time ON subscription_period (from_ms);
CREATE INDEX delivery_failed_of_listener ON delivery (account_id, style, id) WHERE state = 3;
"""
