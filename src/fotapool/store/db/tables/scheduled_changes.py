"""The table of scheduled changes: what becomes of a subscription, and when."""

TABLES = """
CREATE TABLE scheduled_change (
    id {identity},
    account_id BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    total BIGINT CHECK (total >= 0),
    purchase_type TEXT,
    state TEXT NOT NULL CHECK (state IN ('scheduled', 'done', 'failed', 'canceled')),
    operator TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    change_number BIGINT,
    failure TEXT,
    reason TEXT NOT NULL,
    leased_until_ms BIGINT NOT NULL,
    CHECK (total IS NOT NULL OR purchase_type IS NOT NULL),
    CHECK ((state = 'scheduled') = (ended_ms IS NULL)),
    CHECK ((state = 'done') = (change_number IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE UNIQUE INDEX scheduled_change_one_a_time ON scheduled_change (account_id, due_ms) WHERE state = 'scheduled';
CREATE UNIQUE INDEX scheduled_change_once ON scheduled_change (account_id, change_number)
    WHERE change_number IS NOT NULL;
CREATE INDEX scheduled_change_due ON scheduled_change (due_ms, id) WHERE state = 'scheduled';
CREATE INDEX scheduled_change_by_account ON scheduled_change (account_id, id);
CREATE INDEX scheduled_change_by_state ON scheduled_change (state, id);
"""
