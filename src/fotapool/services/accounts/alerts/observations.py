"""The values that alerts watch, by kind: a function for each kind, over a page of accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, format_timestamp
from fotapool.domain.accounts.alerts.kinds import AlertKind, Observation
from fotapool.domain.accounts.forecast import Forecast, Trend, forecast
from fotapool.services.accounts.pool_history import basis_days, basis_end
from fotapool.store.accounts.alerts import observations as store
from fotapool.store.accounts.alerts.observations import AccountNumbers
from fotapool.store.accounts.pool_levels import read_used_at
from fotapool.store.db.connection import Connection

ENDED_MS = DAY_MS
"""How long an alert about a reduction, or about a campaign that has ended, lasts."""


class Page(msgspec.Struct, frozen=True):
    """Accounts with consecutive ids: above `after`, up to `last`."""

    after: int
    last: int
    accounts: Sequence[AccountNumbers]
    now_ms: int
    names: dict[int, str] = msgspec.field(default_factory=dict)

    def seen(self, account_id: int, value: int | None, text: str, topic: str = "", count: int = 0) -> Observation:
        return Observation(account_id, self.names[account_id], topic=topic, value=value, text=text, count=count)


Observe = Callable[[Connection, Page], Iterable[Observation]]


def _used_share(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in page.accounts:
        if one.total:
            share = one.used * 100 // one.total
            yield page.seen(one.id, share, f"{share}% of {one.total:,} licenses are used")


def _free_licenses(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in page.accounts:
        if one.total:
            yield page.seen(one.id, one.free, f"{one.free:,} of {one.total:,} licenses are available")


def _days_until_empty(connection: Connection, page: Page) -> Iterator[Observation]:
    accounts: dict[int, list[AccountNumbers]] = {}
    for one in page.accounts:
        if one.total:
            accounts.setdefault(basis_days(one.created_ms, page.now_ms), []).append(one)
    for basis, same in accounts.items():
        used = read_used_at(connection, [one.id for one in same], [basis_end(basis, page.now_ms)])
        for one in same:
            found = forecast(
                free=one.free,
                used_before=used[one.id][0],
                used_now=one.used,
                basis_days=basis,
                now_ms=page.now_ms,
            )
            yield from _runs_out(page, one, found, basis)


def _runs_out(page: Page, one: AccountNumbers, found: Forecast, basis: int) -> Iterator[Observation]:
    if found.trend is Trend.EXHAUSTED:
        yield page.seen(one.id, 0, "no license is available")
    elif found.runs_out_ms is not None:
        left = -((page.now_ms - found.runs_out_ms) // DAY_MS)
        yield page.seen(one.id, left, f"the licenses run out in {left} days, as used in the last {basis} days")


def _failing_callbacks(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in store.read_failing_listeners(connection, page.after, page.last):
        waits = 0 if one.waiting_ms is None else max(0, page.now_ms - one.waiting_ms) // MINUTE_MS
        if one.is_given_up:
            text = f"the last callback to the {one.style} listener failed for the last time"
            yield page.seen(one.account_id, None, text, one.style)
        else:
            text = f"a callback to the {one.style} listener waits for {waits:,} minutes"
            yield page.seen(one.account_id, waits, text, one.style)


def _campaign_failures(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in store.read_failing_campaigns(connection, page.after, page.last, page.now_ms - ENDED_MS):
        finished = one.completed + one.failed
        share = one.failed * 100 // finished
        text = f"{share}% of {finished:,} finished devices of the campaign {one.name or one.uuid} have failed"
        yield page.seen(one.account_id, share, text, topic=one.uuid, count=finished)


def _reductions(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in store.read_reductions(connection, page.after, page.last, page.now_ms - ENDED_MS + 1):
        text = f"the subscription was reduced from {one.before:,} to {one.total:,} licenses"
        text = f"{text} at {format_timestamp(one.from_ms)}"
        yield page.seen(one.account_id, one.before - one.total, text, str(one.id))


def _scheduled_changes(connection: Connection, page: Page) -> Iterator[Observation]:
    for one in store.read_open_changes(connection, page.after, page.last):
        hours = -(min(0, page.now_ms - one.due_ms) // HOUR_MS)  # rounded up
        text = f"scheduled change {one.id} of the subscription is due at {format_timestamp(one.due_ms)}"
        yield page.seen(one.account_id, hours, text, str(one.id))


OBSERVE: dict[AlertKind, Observe] = {
    AlertKind.USED_SHARE: _used_share,
    AlertKind.FREE_LICENSES: _free_licenses,
    AlertKind.DAYS_UNTIL_EMPTY: _days_until_empty,
    AlertKind.FAILING_CALLBACKS: _failing_callbacks,
    AlertKind.CAMPAIGN_FAILURES: _campaign_failures,
    AlertKind.REDUCTION: _reductions,
    AlertKind.SCHEDULED_CHANGE: _scheduled_changes,
}
"""How the values of each kind are read."""
