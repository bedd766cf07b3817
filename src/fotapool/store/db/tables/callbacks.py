"""The tables of listeners over time: how their last attempts went, and what was delivered in each hour."""

TABLES = """
CREATE TABLE listener_health (
    account_id BIGINT NOT NULL,
    style TEXT NOT NULL,
    last_ms BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    status BIGINT,
    error TEXT NOT NULL,
    answer TEXT NOT NULL,
    delivered_ms BIGINT,
    failing_ms BIGINT,
    given_up BIGINT NOT NULL,
    PRIMARY KEY (account_id, style)
){clustered};
CREATE INDEX listener_in_trouble ON listener_health (failing_ms) WHERE failing_ms IS NOT NULL;
CREATE INDEX delivery_failed ON delivery (id) WHERE state = 3;
CREATE TABLE delivery_hour (
    at_ms BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    style TEXT NOT NULL,
    delivered BIGINT NOT NULL,
    at_first BIGINT NOT NULL,
    attempts_failed BIGINT NOT NULL,
    given_up BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (at_ms, account_id, style)
){clustered};
"""
