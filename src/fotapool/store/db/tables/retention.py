"""The table of what was deleted for its age, as far as later changes must know it."""

TABLES = """
CREATE TABLE undo_limit (
    account_id BIGINT PRIMARY KEY,
    change_number BIGINT NOT NULL
){clustered};
CREATE INDEX rejection_day_by_day ON rejection_day (day);
CREATE INDEX campaign_to_purge ON campaign (ended_ms, id)
    WHERE ended_ms IS NOT NULL AND purge_cursor < 1000000000000000;
"""
