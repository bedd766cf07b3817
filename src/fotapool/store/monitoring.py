"""What metrics show of the database, in a few statements whose work is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fotapool.store.callbacks.listeners import IS_WAITING
from fotapool.store.db.connection import Connection, Params

MAX_JOBS_COUNTED = 1_000
"""Due jobs of a kind are counted up to here."""
MAX_WAITING_COUNTED = 100_000
"""A scrape counts waiting callbacks up to here: most often when nobody can afford a long statement."""

_FREE = "CASE WHEN {0}total > {0}used THEN {0}total - {0}used ELSE 0 END"
_POOLS = f"""SELECT count(*), coalesce(sum(total), 0), coalesce(sum(used), 0), coalesce(sum({_FREE.format("")}), 0),
    coalesce(sum(notice), 0) FROM license_pool"""
_CAMPAIGNS = "SELECT count(*) FROM campaign WHERE due_ms IS NOT NULL AND ended_ms IS NULL"
"""A campaign that has not ended has a next step, so that the small index of due campaigns has all of them."""
_WAITING = f"""SELECT count(*) FROM
    (SELECT 1 AS one FROM delivery WHERE {IS_WAITING} LIMIT {MAX_WAITING_COUNTED}) waiting"""
_OLDEST_CALLBACK = f"SELECT min(created_ms) FROM delivery WHERE due_ms IS NOT NULL AND {IS_WAITING}"
"""Only the first waiting delivery of a listener has a due time."""
_JOBS = (
    ("campaign", "due_ms", "due_ms IS NOT NULL"),
    ("report_request", "due_ms", "due_ms IS NOT NULL"),
    ("license", "notice_until_ms", "notice_until_ms IS NOT NULL"),
    ("scheduled_change", "due_ms", "state = 'scheduled'"),
)
"""Table, due time and condition of each kind of job of the worker."""
_OLDEST_JOBS = tuple(f"SELECT min({due}) FROM {table} WHERE {condition}" for table, due, condition in _JOBS)
_DUE_JOBS = tuple(
    f"""SELECT count(*) FROM
    (SELECT 1 AS one FROM {table} WHERE {condition} AND {due} <= :now_ms LIMIT :limit) waiting"""
    for table, due, condition in _JOBS
)
_ALERTS = "SELECT kind, count(*) FROM alert WHERE ended_ms IS NULL GROUP BY kind"
_FULLEST = f"""SELECT a.name, p.total, p.used, {_FREE.format("p.")}, p.notice
    FROM license_pool p JOIN account a ON a.id = p.account_id
    ORDER BY p.used * 1.0 / CASE WHEN p.total > 0 THEN p.total ELSE 1 END DESC, p.total DESC, p.account_id
    LIMIT :accounts"""


class Licenses(NamedTuple):
    """Numbers of licenses, of one account or of all."""

    total: int
    used: int
    free: int
    under_notice: int


class StoreNumbers(msgspec.Struct, frozen=True):
    """The numbers of a database. Times in ms."""

    accounts: int
    licenses: Licenses
    campaigns_running: int
    callbacks_waiting: int
    oldest_callback_ms: int | None
    """When the oldest waiting callback was created."""
    oldest_job_ms: int | None
    """When the next job of the worker is due, or should have begun."""
    alerts: Sequence[tuple[str, int]]
    """The number of open alerts by kind."""
    of_accounts: Sequence[tuple[str, Licenses]]
    """The fullest accounts, by name."""


def read_store_numbers(connection: Connection, accounts: int) -> StoreNumbers:
    """All numbers at one time, with those of so many accounts, the fullest ones first and the larger first of them."""
    queries: list[tuple[str, Params]] = [
        (sql, {}) for sql in (_POOLS, _CAMPAIGNS, _WAITING, _OLDEST_CALLBACK, _ALERTS, *_OLDEST_JOBS)
    ]
    if accounts:
        queries.append((_FULLEST, {"accounts": accounts}))
    pools, campaigns, waiting, oldest, alerts, *jobs_and_accounts = connection.fetch_together(queries)
    count, *sums = pools[0]
    jobs_ms = [rows[0][0] for rows in jobs_and_accounts[: len(_OLDEST_JOBS)] if rows[0][0] is not None]
    of_accounts = jobs_and_accounts[-1] if accounts else []
    return StoreNumbers(
        accounts=count,
        licenses=Licenses(*map(int, sums)),
        campaigns_running=campaigns[0][0],
        callbacks_waiting=waiting[0][0],
        oldest_callback_ms=oldest[0][0],
        oldest_job_ms=min(jobs_ms, default=None),
        alerts=[(kind, int(count)) for kind, count in alerts],
        of_accounts=[(name, Licenses(*numbers)) for name, *numbers in of_accounts],
    )


def count_due_jobs(connection: Connection, now_ms: int) -> int:
    """The number of jobs of the worker that are due, up to MAX_JOBS_COUNTED of a kind."""
    params: Params = {"now_ms": now_ms, "limit": MAX_JOBS_COUNTED}
    return sum(rows[0][0] for rows in connection.fetch_together([(sql, params) for sql in _DUE_JOBS]))
