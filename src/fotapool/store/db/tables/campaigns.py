"""The table of the devices of each campaign by state, kept with each change, and the order of all campaigns."""

TABLES = """
CREATE TABLE campaign_tally (
    campaign_id BIGINT PRIMARY KEY,
    in_progress BIGINT NOT NULL CHECK (in_progress >= 0),
    completed BIGINT NOT NULL CHECK (completed >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    canceled BIGINT NOT NULL CHECK (canceled >= 0),
    rejected BIGINT NOT NULL CHECK (rejected >= 0)
){clustered};
CREATE INDEX campaign_by_status ON campaign (status, id);
"""
