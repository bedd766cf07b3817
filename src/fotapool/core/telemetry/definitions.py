"""Every metric: its name, type, labels and meaning. docs/reference/monitoring/metrics.md is generated from this."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram", "untyped"]

UNKNOWN = "unknown"
"""The operation of paths and methods that no table has, so that clients cannot add values of a label."""
PLANES = ("v1", "v2", "v3", "m2m", "sign-in", "operator", "device", "console", "pages")
"""The values of the label `plane`."""
LIMITS = ("client", "user")
"""The values of the label `limit`."""
OUTCOMES = ("delivered", "retried", "given_up")
"""The values of the label `outcome`."""
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
BATCH_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Definition(msgspec.Struct, frozen=True):
    """A metric. The buckets of a histogram are upper bounds, in the unit of its name."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


BUILD_INFO = Definition("fotapool_build_info", "gauge", "Always 1; the label has the version", ("version",))
REQUESTS = Definition(
    "fotapool_http_requests_total",
    "counter",
    "Requests that were answered; status is none if the connection ended without an answer",
    ("plane", "operation", "method", "status"),
)
REQUEST_DURATION = Definition(
    "fotapool_http_request_duration_seconds",
    "histogram",
    "Time from the head of a request to the end of its answer",
    ("plane", "operation", "method"),
    buckets=REQUEST_SECONDS,
)
REJECTIONS = Definition(
    "fotapool_refusals_total",
    "counter",
    "Requests that were rejected, by error code in lower case, or by status where an API has no error codes",
    ("reason",),
)
SIGN_IN_FAILURES = Definition(
    "fotapool_sign_in_failures_total",
    "counter",
    "Wrong passwords, client secrets and operator keys, and refused sign-ins of people",
)
RATE_LIMITED = Definition(
    "fotapool_rate_limited_total",
    "counter",
    "Requests of the documented API that were answered 429, by whose limit was exceeded",
    ("limit",),
)
BATCH_SIZE = Definition(
    "fotapool_writer_batch_commands", "histogram", "Changes that a transaction took", buckets=BATCH_COMMANDS
)
CHANGES_WAITING = Definition("fotapool_changes_waiting", "gauge", "Changes that wait for the writer")
DATABASE_ERRORS = Definition(
    "fotapool_database_errors_total",
    "counter",
    "Statements and transactions that failed because of the database, and changes that waited too long for it",
    ("kind",),
)
CALLBACKS = Definition(
    "fotapool_callbacks_total",
    "counter",
    "Attempts to deliver a callback: delivered, failed and retried later, or failed for the last time",
    ("outcome",),
)
CAMPAIGNS_STOPPED = Definition(
    "fotapool_campaigns_stopped_total", "counter", "Campaigns that a stop rule stopped, since too many devices failed"
)
WORKERS_REPLACED = Definition(
    "fotapool_workers_replaced_total", "counter", "Worker processes that ended or hung and were replaced"
)
PURGED_ROWS = Definition(
    "fotapool_purged_rows_total", "counter", "Rows that were deleted because of their age, by kind of data", ("kind",)
)
COUNTED = (
    REQUESTS,
    REQUEST_DURATION,
    REJECTIONS,
    SIGN_IN_FAILURES,
    RATE_LIMITED,
    BATCH_SIZE,
    CHANGES_WAITING,
    DATABASE_ERRORS,
    CALLBACKS,
    CAMPAIGNS_STOPPED,
    WORKERS_REPLACED,
    PURGED_ROWS,
)
"""What a server counts itself: each server has its own values, which add up over servers."""

DATABASE_UP = Definition("fotapool_database_up", "gauge", "1 if the database answers and takes changes, else 0")
ACCOUNTS = Definition("fotapool_accounts", "gauge", "Accounts")
LICENSES_TOTAL = Definition("fotapool_licenses_total", "untyped", "Licenses that all subscriptions pay for; a gauge")
LICENSES_USED = Definition("fotapool_licenses_used", "gauge", "Licenses that devices hold, with those under notice")
LICENSES_FREE = Definition("fotapool_licenses_free", "gauge", "Licenses that devices can still get, over all accounts")
LICENSES_UNDER_NOTICE = Definition(
    "fotapool_licenses_under_notice", "gauge", "Licenses that will be taken when their notice ends"
)
ACCOUNT_LICENSES = Definition(
    "fotapool_account_licenses",
    "gauge",
    "Licenses of the fullest accounts, as many as --metrics-accounts says: total, used, free, under_notice",
    ("account", "kind"),
)
ACCOUNTS_LEFT_OUT = Definition(
    "fotapool_account_licenses_left_out", "gauge", "Accounts without series in fotapool_account_licenses"
)
CAMPAIGNS_RUNNING = Definition("fotapool_campaigns_running", "gauge", "Campaigns that have not ended")
WORKER_LAG = Definition(
    "fotapool_engine_lag_seconds",
    "gauge",
    "How late the oldest job that is due is; 0 if none is due",
)
CALLBACKS_WAITING = Definition(
    "fotapool_callbacks_waiting", "gauge", "Callbacks that are neither delivered nor given up; counted up to 100,000"
)
CALLBACKS_OLDEST = Definition(
    "fotapool_callbacks_oldest_waiting_seconds", "gauge", "Age of the oldest callback that waits; 0 if none waits"
)
ALERTS_OPEN = Definition("fotapool_alerts_open", "gauge", "Alerts that have begun and not ended, by kind", ("kind",))
READ = (
    DATABASE_UP,
    ACCOUNTS,
    LICENSES_TOTAL,
    LICENSES_USED,
    LICENSES_FREE,
    LICENSES_UNDER_NOTICE,
    ACCOUNT_LICENSES,
    ACCOUNTS_LEFT_OUT,
    CAMPAIGNS_RUNNING,
    WORKER_LAG,
    CALLBACKS_WAITING,
    CALLBACKS_OLDEST,
    ALERTS_OPEN,
)
"""What is read from the database at each scrape: the same from every process and server of a database."""
DEFINITIONS = (BUILD_INFO, *COUNTED, *READ)
