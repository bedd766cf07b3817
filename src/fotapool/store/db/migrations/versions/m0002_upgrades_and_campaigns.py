"""Upgrades and campaigns: packages, files, campaigns, callbacks, the devices' side, and what statements are made of."""

from __future__ import annotations

from alembic import op

from fotapool.store.db import postgres, sqlite

revision = "0002"
down_revision = "0001"

_COPIES = {
    "device": (
        "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms",
        "account_id, imei, make, model, firmware, protocol, mdn, 'Active', created_ms, updated_ms",
    ),
    "upgrade": (
        "id, account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms, ended_ms, updated_ms",
        "id, account_id, imei, 0, status, 0, 0, scheduled_ms, started_ms, ended_ms,"
        " coalesce(ended_ms, started_ms, scheduled_ms)",
    ),
}
"""The tables whose columns changed: the new columns, and what they are filled with from the old rows."""
_NEW = """
CREATE TABLE device (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    make TEXT NOT NULL,
    model TEXT NOT NULL,
    firmware TEXT NOT NULL,
    protocol TEXT NOT NULL,
    mdn TEXT NOT NULL,
    status TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    upgraded_ms BIGINT,
    refreshed_ms BIGINT,
    seen_ms BIGINT,
    PRIMARY KEY (account_id, imei)
){clustered};
CREATE UNIQUE INDEX device_has_one_account ON device (imei);
CREATE INDEX device_by_version ON device (account_id, make, model, firmware, protocol, imei);
CREATE INDEX device_by_protocol ON device (account_id, protocol, imei);
CREATE TABLE upgrade (
    id {identity},
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    status BIGINT NOT NULL CHECK (status BETWEEN 1 AND 7),
    reason BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    scheduled_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT,
    updated_ms BIGINT NOT NULL,
    due_ms BIGINT,
    charged_ms BIGINT
);
CREATE UNIQUE INDEX upgrade_open_once ON upgrade (account_id, imei) WHERE status <= 2;
CREATE INDEX upgrade_by_device ON upgrade (account_id, imei);
CREATE UNIQUE INDEX upgrade_of_campaign ON upgrade (campaign_id, imei) WHERE campaign_id > 0;
CREATE INDEX upgrade_open_of_campaign ON upgrade (campaign_id, status, imei) WHERE status <= 2;
CREATE INDEX upgrade_due ON upgrade (campaign_id, due_ms, imei) WHERE due_ms IS NOT NULL;
CREATE INDEX upgrade_charged ON upgrade (account_id, charged_ms, id) WHERE charged_ms IS NOT NULL;
CREATE TABLE package (
    id {identity},
    name TEXT NOT NULL UNIQUE,
    make TEXT NOT NULL,
    model TEXT NOT NULL,
    from_version TEXT NOT NULL,
    to_version TEXT NOT NULL,
    protocol TEXT NOT NULL,
    platform TEXT NOT NULL,
    release_note TEXT NOT NULL,
    launched_ms BIGINT NOT NULL,
    proven BIGINT NOT NULL,
    succeeded BIGINT NOT NULL CHECK (succeeded >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    content_key TEXT,
    content_size BIGINT,
    content_sha256 TEXT
);
CREATE INDEX package_by_fit ON package (make, model, from_version);
CREATE TABLE configuration_file (
    id {identity},
    account_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    make TEXT NOT NULL,
    model TEXT NOT NULL,
    target_path TEXT NOT NULL,
    protocol TEXT NOT NULL,
    platform TEXT NOT NULL,
    release_note TEXT NOT NULL,
    launched_ms BIGINT NOT NULL,
    succeeded BIGINT NOT NULL CHECK (succeeded >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    content_key TEXT NOT NULL,
    content_size BIGINT NOT NULL,
    content_sha256 TEXT NOT NULL,
    UNIQUE (account_id, name, version)
);
CREATE TABLE campaign (
    id {identity},
    uuid TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL,
    flow BIGINT NOT NULL CHECK (flow BETWEEN 1 AND 3),
    package_id BIGINT,
    file_id BIGINT,
    name TEXT NOT NULL,
    start_date TEXT NOT NULL,
    end_date TEXT NOT NULL,
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    windows TEXT NOT NULL,
    auto_assign BIGINT NOT NULL,
    auto_add BIGINT NOT NULL,
    status BIGINT NOT NULL CHECK (status BETWEEN 1 AND 9),
    devices BIGINT NOT NULL CHECK (devices >= 0),
    pass_imei BIGINT,
    join_imei BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    due_ms BIGINT,
    leased_until_ms BIGINT NOT NULL,
    CHECK ((package_id IS NULL) <> (file_id IS NULL)),
    CHECK (start_ms < end_ms)
);
CREATE INDEX campaign_by_account ON campaign (account_id, id);
CREATE INDEX campaign_that_takes_more ON campaign (account_id) WHERE auto_add = 1 AND ended_ms IS NULL;
CREATE INDEX campaign_by_package ON campaign (package_id) WHERE package_id IS NOT NULL;
CREATE INDEX campaign_due ON campaign (due_ms, id) WHERE due_ms IS NOT NULL;
CREATE TABLE fleet (
    account_id BIGINT NOT NULL,
    first_imei BIGINT NOT NULL,
    last_imei BIGINT NOT NULL,
    behavior TEXT NOT NULL,
    PRIMARY KEY (account_id, first_imei)
){clustered};
CREATE TABLE device_key (
    key_hash {bytes} PRIMARY KEY,
    account_id BIGINT NOT NULL,
    imei BIGINT,
    name TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account_id, name)
){clustered};
CREATE TABLE check_in (
    id {identity},
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    client_type TEXT NOT NULL,
    result TEXT NOT NULL,
    failure TEXT NOT NULL
);
CREATE INDEX check_in_by_device ON check_in (account_id, imei, id);
CREATE INDEX check_in_by_time ON check_in (at_ms);
CREATE TABLE device_logging (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, imei)
){clustered};
CREATE TABLE device_log (
    id {identity},
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    type TEXT NOT NULL,
    event TEXT NOT NULL,
    binary_name TEXT NOT NULL,
    binary_content {bytes} NOT NULL
);
CREATE INDEX device_log_by_device ON device_log (account_id, imei, id);
CREATE INDEX device_log_by_time ON device_log (at_ms);
CREATE TABLE report_request (
    uuid TEXT PRIMARY KEY,
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    asked_ms BIGINT NOT NULL,
    due_ms BIGINT,
    answered_ms BIGINT
){clustered};
CREATE INDEX report_request_open ON report_request (account_id, imei) WHERE answered_ms IS NULL;
CREATE INDEX report_request_due ON report_request (due_ms, uuid) WHERE due_ms IS NOT NULL;
CREATE TABLE subscription_period (
    id {identity},
    account_id BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    total BIGINT NOT NULL CHECK (total >= 0),
    purchase_type TEXT NOT NULL
);
CREATE INDEX subscription_period_by_account ON subscription_period (account_id, id);
CREATE TABLE notice_period (
    account_id BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    given_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    PRIMARY KEY (account_id, imei, given_ms)
){clustered};
CREATE TABLE listener (
    account_id BIGINT NOT NULL,
    style TEXT NOT NULL,
    url TEXT NOT NULL,
    username TEXT,
    password TEXT,
    created_ms BIGINT NOT NULL,
    leased_until_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, style)
){clustered};
CREATE TABLE signing_secret (
    account_id BIGINT PRIMARY KEY,
    secret TEXT NOT NULL,
    created_ms BIGINT NOT NULL
){clustered};
CREATE TABLE delivery (
    id {identity},
    account_id BIGINT NOT NULL,
    style TEXT NOT NULL,
    event TEXT NOT NULL,
    body {bytes},
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    due_ms BIGINT,
    ended_ms BIGINT,
    CHECK ((state = 1) = (ended_ms IS NULL))
);
CREATE INDEX delivery_of_account ON delivery (account_id, id);
CREATE INDEX delivery_waiting ON delivery (account_id, style, id) WHERE state = 1;
CREATE INDEX delivery_due ON delivery (due_ms, id) WHERE due_ms IS NOT NULL;
CREATE INDEX delivery_ended ON delivery (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE delivery_attempt (
    delivery_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    url TEXT NOT NULL,
    status BIGINT,
    error TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
){clustered};
"""
"""The tables that are new or made anew."""

_OLD_INDEXES = ("device_has_one_account", "upgrade_open_once", "upgrade_by_device")


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for index in _OLD_INDEXES:
        op.execute(f"DROP INDEX {index}")
    for table in _COPIES:
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_0001")
        if not on_sqlite:
            op.execute(f"ALTER INDEX {table}_pkey RENAME TO {table}_0001_pkey")
    for statement in _NEW.format(**(sqlite.WORDS if on_sqlite else postgres.WORDS)).split(";\n"):
        if statement.strip():
            op.execute(statement)
    for table, (columns, values) in _COPIES.items():
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}_0001")
        op.execute(f"DROP TABLE {table}_0001")
    if not on_sqlite:
        op.execute("SELECT setval(pg_get_serial_sequence('upgrade', 'id'), coalesce(max(id), 0) + 1) FROM upgrade")
    op.execute(
        "INSERT INTO subscription_period (account_id, from_ms, total, purchase_type)"
        " SELECT a.id, p.subscription_updated_ms, p.total, a.purchase_type"
        " FROM account a JOIN license_pool p ON p.account_id = a.id ORDER BY a.id"
    )
    op.execute(
        "INSERT INTO notice_period (account_id, imei, given_ms, until_ms)"
        " SELECT l.account_id, l.imei, c.at_ms, l.notice_until_ms FROM license l"
        " JOIN ledger_entry e ON e.account_id = l.account_id AND e.number = l.notice_place"
        " JOIN pool_change c ON c.account_id = e.account_id AND c.number = e.change_number"
        " WHERE l.notice_until_ms IS NOT NULL"
    )
