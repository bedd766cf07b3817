"""The tables of accounts: their devices, licenses, campaigns, callbacks and records."""

TABLES = """
CREATE TABLE account (
    id {identity},
    name TEXT NOT NULL UNIQUE,
    purchase_type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    created_ms BIGINT NOT NULL,
    namespace BIGINT NOT NULL DEFAULT 0,
    display_name TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT ''
);
CREATE INDEX account_by_display_name ON account (lower(display_name)) WHERE display_name <> '';
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
    CONSTRAINT assigned_within_total CHECK (notice <= used AND used - notice <= total)
);
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
    namespace BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, imei)
){clustered};
CREATE UNIQUE INDEX device_has_one_account ON device (imei, namespace);
CREATE INDEX device_by_mdn ON device (account_id, mdn) WHERE mdn <> '';
CREATE INDEX device_by_mdn_alone ON device (mdn) WHERE mdn <> '';
CREATE INDEX device_by_version ON device (account_id, make, model, firmware, protocol, imei);
CREATE INDEX device_by_protocol ON device (account_id, protocol, imei);
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
    campaign_id BIGINT NOT NULL,
    status BIGINT NOT NULL CHECK (status BETWEEN 1 AND 7),
    reason BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    scheduled_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT,
    updated_ms BIGINT NOT NULL,
    due_ms BIGINT,
    charged_ms BIGINT,
    message TEXT
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
    pilot_passed BIGINT NOT NULL,
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
    purged BIGINT NOT NULL DEFAULT 0,
    purge_cursor BIGINT NOT NULL DEFAULT 0,
    scan_cursor BIGINT,
    enroll_cursor BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    due_ms BIGINT,
    leased_until_ms BIGINT NOT NULL,
    CHECK ((package_id IS NULL) <> (file_id IS NULL)),
    CHECK (start_ms < end_ms)
);
CREATE INDEX campaign_by_account ON campaign (account_id, id);
CREATE INDEX campaign_by_name ON campaign (lower(name)) WHERE name <> '';
CREATE INDEX campaign_that_takes_more ON campaign (account_id) WHERE auto_add = 1 AND ended_ms IS NULL;
CREATE INDEX campaign_by_package ON campaign (package_id, status, id) WHERE package_id IS NOT NULL;
CREATE INDEX campaign_due ON campaign (due_ms, id) WHERE due_ms IS NOT NULL;
CREATE TABLE fleet (
    account_id BIGINT NOT NULL,
    first_imei BIGINT NOT NULL,
    last_imei BIGINT NOT NULL,
    behavior TEXT NOT NULL,
    PRIMARY KEY (account_id, first_imei)
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
CREATE INDEX pool_change_by_request ON pool_change (request_id);
CREATE TABLE ledger_entry (
    account_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    change_number BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 17),
    used_after BIGINT NOT NULL CHECK (used_after >= 0),
    PRIMARY KEY (account_id, number)
){clustered};
CREATE INDEX ledger_by_device ON ledger_entry (account_id, imei);
CREATE TABLE lost_license (
    account_id BIGINT NOT NULL,
    change_number BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    assigned_ms BIGINT NOT NULL,
    place BIGINT NOT NULL,
    state BIGINT NOT NULL,
    undone_by BIGINT,
    PRIMARY KEY (account_id, change_number, imei)
){clustered};
CREATE TABLE rejection_day (
    account_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    reason TEXT NOT NULL,
    rejected BIGINT NOT NULL CHECK (rejected > 0),
    PRIMARY KEY (account_id, day, reason)
){clustered};
CREATE TABLE idempotency_key (
    account_id BIGINT NOT NULL,
    name_hash BIGINT NOT NULL,
    username TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash {bytes} NOT NULL,
    answered_ms BIGINT NOT NULL,
    answer {bytes} NOT NULL,
    PRIMARY KEY (account_id, name_hash)
);
CREATE INDEX idempotency_key_by_time ON idempotency_key (answered_ms);
CREATE TABLE bulk_job (
    uuid TEXT PRIMARY KEY,
    account_id BIGINT NOT NULL,
    operator TEXT NOT NULL,
    verb TEXT NOT NULL CHECK (verb IN ('assign', 'remove')),
    devices BIGINT NOT NULL CHECK (devices > 0),
    done BIGINT NOT NULL CHECK (done BETWEEN 0 AND devices),
    created_ms BIGINT NOT NULL,
    stopped_ms BIGINT,
    ended_ms BIGINT
){clustered};
CREATE INDEX bulk_job_of_account ON bulk_job (account_id, created_ms);
CREATE INDEX bulk_job_open ON bulk_job (created_ms) WHERE ended_ms IS NULL;
CREATE INDEX bulk_job_ended ON bulk_job (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE bulk_line (
    job TEXT NOT NULL,
    place BIGINT NOT NULL,
    imei BIGINT NOT NULL,
    outcome TEXT,
    PRIMARY KEY (job, place)
){clustered};
CREATE TABLE bulk_outcome (
    job TEXT NOT NULL,
    outcome TEXT NOT NULL,
    devices BIGINT NOT NULL CHECK (devices > 0),
    PRIMARY KEY (job, outcome)
){clustered};
CREATE TABLE bulk_left_out (
    job TEXT NOT NULL,
    number BIGINT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT NOT NULL,
    value TEXT NOT NULL,
    original TEXT,
    PRIMARY KEY (job, number)
){clustered};
"""
