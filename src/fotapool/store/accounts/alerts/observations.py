"""What alerts are evaluated by: numbers of a page of accounts, from rows that say them without a scan of devices."""

from __future__ import annotations

from typing import NamedTuple

from fotapool.domain.callbacks import DeliveryState
from fotapool.store.callbacks.listeners import IS_CALLED, IS_WAITING
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, fetch_all


class AccountNumbers(NamedTuple):
    """The pool of an account."""

    id: int
    name: str
    created_ms: int
    total: int
    used: int

    @property
    def free(self) -> int:
        """Licenses that can be assigned; none while licenses under notice exceed the total."""
        return max(0, self.total - self.used)


class FailingListener(NamedTuple):
    """A listener with a delivery that waits since `waiting_ms`, or whose last delivery to end was given up."""

    account_id: int
    style: str
    waiting_ms: int | None
    is_given_up: int


class CampaignNumbers(NamedTuple):
    """The finished devices of a campaign."""

    account_id: int
    uuid: str
    name: str
    completed: int
    failed: int


class Reduction(NamedTuple):
    """A subscription that changed to `total` licenses, from more."""

    id: int
    account_id: int
    from_ms: int
    before: int
    total: int


class OpenChange(NamedTuple):
    """A scheduled change of a subscription that has not ended."""

    id: int
    account_id: int
    due_ms: int


def read_account_page(connection: Connection, after: int, limit: int) -> list[AccountNumbers]:
    """Accounts with ids above `after`, in order."""
    sql = """SELECT a.id, a.name, a.created_ms, p.total, p.used FROM account a
        JOIN license_pool p ON p.account_id = a.id WHERE a.id > :after ORDER BY a.id LIMIT :limit"""
    return fetch_all(connection, AccountNumbers, sql, after=after, limit=limit)


_LAST_FAILED = f"""(SELECT max(f.id) FROM delivery f WHERE f.account_id = l.account_id AND f.style = l.style
    AND f.state = {DeliveryState.FAILED:d})"""
_DELIVERED_SINCE = f"""EXISTS (SELECT 1 FROM delivery n WHERE n.account_id = s.account_id AND n.id > s.failed_id
    AND n.style = s.style AND n.state = {DeliveryState.DELIVERED:d})"""
_FAILING = f"""SELECT {columns(FailingListener)} FROM (
    SELECT s.account_id, s.style, s.waiting_ms,
        CASE WHEN s.failed_id IS NOT NULL AND NOT {_DELIVERED_SINCE} THEN 1 ELSE 0 END AS is_given_up
    FROM (SELECT l.account_id, l.style, {_LAST_FAILED} AS failed_id,
        (SELECT w.created_ms FROM delivery w WHERE w.account_id = l.account_id AND w.style = l.style AND w.{IS_WAITING}
            ORDER BY w.id LIMIT 1) AS waiting_ms
        FROM listener l WHERE l.account_id > :after AND l.account_id <= :last AND l.{IS_CALLED}) s) r
    WHERE r.waiting_ms IS NOT NULL OR r.is_given_up = 1 ORDER BY r.account_id, r.style"""


def read_failing_listeners(connection: Connection, after: int, last: int) -> list[FailingListener]:
    """Listeners of these accounts whose deliveries wait, or were given up without a later one that was delivered."""
    return fetch_all(connection, FailingListener, _FAILING, after=after, last=last)


_CAMPAIGNS = f"""SELECT {columns(CampaignNumbers, "c", completed="t.completed", failed="t.failed")} FROM campaign c
    JOIN account a ON a.id = c.account_id JOIN campaign_tally t ON t.campaign_id = c.id
    WHERE a.id > :after AND a.id <= :last AND t.failed > 0 AND"""


def read_failing_campaigns(connection: Connection, after: int, last: int, since_ms: int) -> list[CampaignNumbers]:
    """Campaigns of these accounts with failed devices that run, or have ended since the timestamp (ms)."""
    params = {"after": after, "last": last}
    running = fetch_all(connection, CampaignNumbers, f"{_CAMPAIGNS} c.ended_ms IS NULL", **params)
    ended = fetch_all(connection, CampaignNumbers, f"{_CAMPAIGNS} c.ended_ms >= :since", **params, since=since_ms)
    return [*running, *ended]


def read_reductions(connection: Connection, after: int, last: int, since_ms: int) -> list[Reduction]:
    """Reductions of the subscriptions of these accounts since the timestamp (ms)."""
    sql = f"""SELECT {columns(Reduction)} FROM (SELECT s.id, s.account_id, s.from_ms, s.total, (SELECT b.total
            FROM subscription_period b WHERE b.account_id = s.account_id AND b.id < s.id ORDER BY b.id DESC LIMIT 1)
            AS before
        FROM subscription_period s WHERE s.from_ms >= :since AND s.account_id > :after AND s.account_id <= :last) r
        WHERE r.before > r.total ORDER BY r.account_id, r.id"""
    return fetch_all(connection, Reduction, sql, after=after, last=last, since=since_ms)


def read_open_changes(connection: Connection, after: int, last: int) -> list[OpenChange]:
    """Scheduled changes of these accounts that are neither done, failed nor canceled."""
    sql = f"""SELECT {columns(OpenChange)} FROM scheduled_change
        WHERE state = 'scheduled' AND account_id > :after AND account_id <= :last ORDER BY account_id, id"""
    return fetch_all(connection, OpenChange, sql, after=after, last=last)
