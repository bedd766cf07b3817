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
"""
