"""The sources of billing statements: subscription periods, notice periods and charged upgrades."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.billing import Month
from fotapool.domain.names import PurchaseType
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.db.rows import fetch_one

START = (-1, 0)
"""A place before the first event: its timestamp (ms) and number."""
_NEVER = 2**63 - 1


def record_subscription(
    connection: Connection, account_id: int, total: int, purchase_type: PurchaseType, now_ms: int
) -> None:
    """Begins a new period of the account's subscription."""
    row = (account_id, now_ms, total, purchase_type.value)
    connection.insert("subscription_period", "account_id, from_ms, total, purchase_type", [row])


_NOTICE = "account_id, imei, given_ms"
# The end of the upgrade that was in progress when the notice was to end: the license is retained until that one ends.
_AWAITED = (
    f"(SELECT max(coalesce(u.ended_ms, {_NEVER})) FROM upgrade u WHERE u.account_id = n.account_id AND u.imei = n.imei"
    " AND u.started_ms <= n.until_ms AND (u.ended_ms IS NULL OR u.ended_ms > n.until_ms))"
)


def record_notices_given(connection: Connection, notices: Sequence[tuple[Key, int]], now_ms: int) -> None:
    """Begins a notice period for each license, given as its key and the end of the notice (ms)."""
    connection.insert(
        "notice_period",
        f"{_NOTICE}, until_ms",
        [(*key, now_ms, until_ms) for key, until_ms in notices],
        # A notice of the same license with the same start was withdrawn at once, and is replaced.
        on_conflict=f"ON CONFLICT ({_NOTICE}) DO UPDATE SET until_ms = excluded.until_ms, ended_ms = NULL",
    )


def record_notices_withdrawn(connection: Connection, keys: Sequence[Key], now_ms: int) -> None:
    connection.update_keys("notice_period", "ended_ms = :now", keys, {"now": now_ms}, where="ended_ms IS NULL")


def record_notices_ended(connection: Connection, keys: Sequence[Key]) -> None:
    """Ends the periods at the planned end, or at the end of the upgrade that was in progress then.

    The end does not depend on when a server takes the license, so that statements do not either.
    """
    rows = connection.fetch_keys(
        f"SELECT n.account_id, n.imei, n.given_ms, n.until_ms, coalesce({_AWAITED}, n.until_ms) FROM {{keys}} k"
        " CROSS JOIN notice_period n WHERE n.account_id = k.account_id AND n.imei = k.imei AND n.ended_ms IS NULL",
        keys,
    )
    connection.insert(
        "notice_period",
        f"{_NOTICE}, until_ms, ended_ms",
        rows,
        on_conflict=f"ON CONFLICT ({_NOTICE}) DO UPDATE SET ended_ms = excluded.ended_ms",
    )


class MonthTotals(msgspec.Struct, frozen=True):
    """The totals of one month. `licenses` is the maximum of the subscription during the month."""

    month: Month
    purchase_type: PurchaseType
    licenses: int
    notice_licenses: int
    events: int


def read_first_month(connection: Connection, account_id: int) -> Month | None:
    """The month in which the account's first subscription period begins."""
    sql = "SELECT from_ms FROM subscription_period WHERE account_id = :account_id ORDER BY id LIMIT 1"
    return fetch_one(connection, Month.of, sql, account_id=account_id)


def _periods(account_id: str, from_ms: str, to_ms: str) -> str:
    """SQL of the subscription periods that began in a month or lasted into it.

    Periods without duration are included; they occur with a frozen clock.
    """
    return (
        f"(SELECT * FROM (SELECT s.id, s.from_ms, s.total, s.purchase_type, lead(s.from_ms) OVER (ORDER BY s.id)"
        f" AS next_ms FROM subscription_period s WHERE s.account_id = {account_id} AND s.from_ms < {to_ms}) p"
        f" WHERE p.next_ms IS NULL OR p.next_ms > {from_ms} OR p.from_ms >= {from_ms}) q"
    )


def _retained(account_id: str, from_ms: str, to_ms: str, further: str = "") -> str:
    """SQL of the licenses under notice at the start of a month, so that the reduction was in an earlier month.

    Notices withdrawn within the month are excluded, since the raised subscription covers these licenses.
    """
    return (
        f"(SELECT x.imei, x.given_ms, x.until_ms, coalesce(x.ended_ms, x.natural_ms) AS end_ms FROM (SELECT n.imei,"
        f" n.given_ms, n.until_ms, n.ended_ms, coalesce({_AWAITED}, n.until_ms) AS natural_ms FROM notice_period n"
        f" WHERE n.account_id = {account_id} AND n.given_ms < {from_ms}"
        f" AND (n.ended_ms IS NULL OR n.ended_ms > {from_ms}){further}) x"
        f" WHERE coalesce(x.ended_ms, x.natural_ms) > {from_ms}"
        f" AND (x.ended_ms IS NULL OR x.ended_ms >= {to_ms} OR x.ended_ms >= x.natural_ms)) y"
    )


_OF_MONTH = ("m.account_id", "m.from_ms", "m.to_ms")
_TOTALS = (
    f"SELECT m.account_id, m.from_ms, (SELECT q.purchase_type FROM {_periods(*_OF_MONTH)} ORDER BY q.id DESC LIMIT 1),"
    f" (SELECT max(q.total) FROM {_periods(*_OF_MONTH)}), (SELECT count(*) FROM {_retained(*_OF_MONTH)}),"
    " (SELECT count(*) FROM upgrade u WHERE u.account_id = m.account_id AND u.charged_ms >= m.from_ms"
    " AND u.charged_ms < m.to_ms) FROM {rows} m ORDER BY m.account_id, m.from_ms DESC"
)
_GIVEN = (":account_id", ":from_ms", ":to_ms")


def _params(account_id: int, month: Month, limit: int) -> dict[str, int]:
    return {"account_id": account_id, "from_ms": month.from_ms, "to_ms": month.to_ms, "limit": limit}


def read_totals(connection: Connection, account_id: int, months: Sequence[Month]) -> list[MonthTotals]:
    """Totals by month, newest first; the account must have existed in each month."""
    found = read_totals_until(connection, [(account_id, month) for month in months])
    return [totals for _, totals in found]


def read_totals_until(
    connection: Connection, months: Sequence[tuple[int, Month]], end_ms: int = _NEVER
) -> list[tuple[int, MonthTotals]]:
    """The totals of months of accounts (by id), as they were at `end_ms`: what happens from then on does not count.

    Returned by account, newest month first. Each account must have existed in its months.
    """
    rows = [(account_id, month.from_ms, min(month.to_ms, end_ms)) for account_id, month in months]
    return [
        (account_id, MonthTotals(Month.of(from_ms), PurchaseType(purchase_type), *numbers))
        for account_id, from_ms, purchase_type, *numbers in connection.fetch_rows(
            _TOTALS, "account_id,from_ms,to_ms", rows
        )
    ]


def read_first_months(connection: Connection, account_ids: Sequence[int], end_ms: int) -> dict[int, Month]:
    """The month in which each account's first subscription period begins, by account id, if that is before `end_ms`."""
    sql = """SELECT k.id, (SELECT s.from_ms FROM subscription_period s WHERE s.account_id = k.id
        ORDER BY s.id LIMIT 1) FROM {rows} k"""
    rows = connection.fetch_rows(sql, "id", [(account_id,) for account_id in account_ids]) if account_ids else []
    return {account_id: Month.of(from_ms) for account_id, from_ms in rows if from_ms is not None and from_ms < end_ms}


def read_periods(connection: Connection, account_id: int, month: Month, limit: int) -> list[Row]:
    """The subscription periods of the month as (start, end or None, total, purchase type); times in ms, not clipped."""
    return connection.fetch(
        f"SELECT q.from_ms, q.next_ms, q.total, q.purchase_type FROM {_periods(*_GIVEN)} ORDER BY q.id LIMIT :limit",
        _params(account_id, month, limit),
    )


def read_retained_under_notice(
    connection: Connection, account_id: int, month: Month, after: int, limit: int
) -> list[tuple[int, int, int, int | None]]:
    """Licenses retained under notice as (IMEI, given, until, ended), by IMEI, in ms; a later `ended` is None."""
    rows = connection.fetch(
        f"SELECT y.* FROM {_retained(*_GIVEN, ' AND n.imei > :after')} ORDER BY y.imei LIMIT :limit",
        {**_params(account_id, month, limit), "after": after},
    )
    to_ms = month.to_ms
    return [(imei, given, until, end if end < to_ms else None) for imei, given, until, end in rows]


def read_event_place(connection: Connection, account_id: int, month: Month, number: int) -> tuple[int, int] | None:
    """The cursor of an event of the month, as (charged in ms, number), or None if there is no such event."""
    rows = connection.fetch(
        "SELECT charged_ms, id FROM upgrade WHERE id = :number AND account_id = :account_id"
        " AND charged_ms >= :from_ms AND charged_ms < :to_ms",
        {**_params(account_id, month, 0), "number": number},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def read_events(connection: Connection, account_id: int, month: Month, after: tuple[int, int], limit: int) -> list[Row]:
    """Charged upgrades by time, as (number, IMEI, charged in ms, campaign or None, package or file or None)."""
    return connection.fetch(
        "SELECT u.id, u.imei, u.charged_ms, (SELECT c.uuid FROM campaign c WHERE c.id = u.campaign_id),"
        " (SELECT coalesce((SELECT p.name FROM package p WHERE p.id = c.package_id),"
        " (SELECT f.name FROM configuration_file f WHERE f.id = c.file_id))"
        " FROM campaign c WHERE c.id = u.campaign_id) FROM upgrade u"
        " WHERE u.account_id = :account_id AND u.charged_ms >= :from_ms AND u.charged_ms < :to_ms"
        " AND (u.charged_ms, u.id) > (:after_ms, :after_number) ORDER BY u.charged_ms, u.id LIMIT :limit",
        {**_params(account_id, month, limit), "after_ms": after[0], "after_number": after[1]},
    )
