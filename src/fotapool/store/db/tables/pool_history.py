"""The table of pools over time: what each pool held at the end of each hour, kept with each change."""

TABLES = """
CREATE TABLE pool_level (
    account_id BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    notice BIGINT NOT NULL CHECK (notice >= 0),
    entries BIGINT NOT NULL CHECK (entries >= 0),
    PRIMARY KEY (account_id, at_ms)
){clustered};
"""
