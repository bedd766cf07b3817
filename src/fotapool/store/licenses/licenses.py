"""Licenses: the facts for assign and remove, status pages, the order in which a reduction takes them, their changes.

The changes of a run of commands are recorded set-based: rows, ledger entries, and the changes themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from fotapool.domain.accounts.subscriptions import RECLAIM_KINDS, Holder
from fotapool.domain.campaigns.upgrades import Reason, UpgradeChange, UpgradeStatus
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.licenses.licenses import LicenseFacts, LicenseState, Pool
from fotapool.store.billing import record_notices_ended, record_notices_given, record_notices_withdrawn
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import IS_OPEN, open_upgrade, read_open_upgrades
from fotapool.store.db.commands import Pools
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.db.rows import KNOWN_CURSOR, fetch_all, fetch_int, fetch_value, fetch_values
from fotapool.store.licenses.lost_licenses import record_lost

# Scalar subqueries instead of joins: the plan of a join, made while tables are small, would scan whole accounts later.
_FACTS = f"""
SELECT k.account_id, k.imei,
    (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei),
    (SELECT l.state FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei),
    {open_upgrade("status", "k")}
FROM {{keys}} k
"""
_NOT_UNDER_NOTICE = f"l.state < {LicenseState.NOTICE:d}"
_RECLAIMS = frozenset({*RECLAIM_KINDS, EntryKind.NOTICE_ENDED})
_NOTICES = frozenset({EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST})
_PLAIN = int(LicenseState.PLAIN)
MAX_KEYS = 20_000
"""Up to so many devices are looked up one by one; beyond, the account's rows are read."""
_LICENSE = "account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place"
_ENTRY = "account_id, number, change_number, imei, kind, used_after"
_CHANGE = "account_id, number, at_ms, actor, request_id, verb, detail"


def read_license_facts(connection: Connection, pools: Pools, keys: Sequence[Key]) -> dict[int, LicenseFacts]:
    """For each locked account, the facts about the devices that its commands name."""
    facts = {account_id: LicenseFacts(pool) for account_id, pool in pools.items()}
    for account_id, imei, known, state, upgrade in connection.fetch_keys(_FACTS, keys):
        if known is None:
            continue
        of_account = facts[account_id]
        of_account.devices.add(imei)
        if state is not None:
            of_account.licenses[imei] = state
        if upgrade is not None:
            of_account.upgrades[imei] = upgrade
    return facts


def read_status_page(
    connection: Connection, account_id: int, cursor: int, limit: int
) -> tuple[int, int, bool, list[Row]]:
    """Total, used, whether the cursor is a device of the account, and up to `limit` rows (imei, assigned_ms)."""
    pool = "SELECT total, used FROM license_pool WHERE account_id = :account_id"
    page = """SELECT imei, assigned_ms FROM license WHERE account_id = :account_id AND imei > :cursor
        ORDER BY imei LIMIT :limit"""
    params = {"account_id": account_id, "cursor": cursor, "limit": limit}
    pools, found, rows = connection.fetch_together([(sql, params) for sql in (pool, KNOWN_CURSOR, page)])
    total, used = pools[0]
    return total, used, bool(found), rows


def read_reduction_candidates(connection: Connection, account_id: int, limit: int) -> list[int]:
    """The first candidates with a license that is not under notice, in list order."""
    sql = f"""SELECT c.imei FROM candidate c JOIN license l ON l.account_id = c.account_id AND l.imei = c.imei
        WHERE c.account_id = :account_id AND {_NOT_UNDER_NOTICE} ORDER BY c.place LIMIT :limit"""
    return fetch_values(connection, sql, account_id=account_id, limit=limit)


def read_oldest_holders(connection: Connection, pool: Pool, limit: int) -> list[int]:
    """Devices with a license that are neither candidates nor under notice, first assigned first."""
    # Without conditions on other columns, the index by age has all that is read. PostgreSQL hashes short lists only.
    others = "l.imei NOT IN (SELECT imei FROM {} WHERE account_id = :account_id{})"
    conditions = ["l.account_id = :account_id"]
    if pool.candidates:
        conditions.append(others.format("candidate", ""))
    if pool.notice:
        noticed = others.format("license", " AND notice_until_ms IS NOT NULL")
        conditions.append(noticed if pool.notice <= MAX_KEYS else _NOT_UNDER_NOTICE)
    sql = f"""SELECT l.imei FROM license l WHERE {" AND ".join(conditions)}
        ORDER BY l.assigned_ms, l.place LIMIT :limit"""
    return fetch_values(connection, sql, account_id=pool.account_id, limit=limit)


def read_open_statuses(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, int]:
    """UpgradeStatus by device; of many devices, the others of the account with an open upgrade are in it, too."""
    if len(devices) <= MAX_KEYS:
        sql = f"SELECT k.imei, {open_upgrade('status', 'k')} FROM {{keys}} k"
        rows = connection.fetch_keys(sql, [(account_id, device) for device in devices])
        return {imei: status for imei, status in rows if status is not None}
    sql = f"SELECT u.imei, u.status FROM upgrade u WHERE u.account_id = :account_id AND u.{IS_OPEN}"
    return dict(connection.fetch(sql, {"account_id": account_id}))


def read_oldest_notices(connection: Connection, account_id: int, limit: int) -> list[int]:
    """The devices under notice, oldest notice first."""
    sql = """SELECT imei FROM license WHERE account_id = :account_id AND notice_until_ms IS NOT NULL
        ORDER BY notice_place LIMIT :limit"""
    return fetch_values(connection, sql, account_id=account_id, limit=limit)


_ENDED = f"""notice_until_ms <= :now AND NOT EXISTS (SELECT 1 FROM upgrade u WHERE u.account_id = l.account_id
    AND u.imei = l.imei AND u.{IS_OPEN} AND u.status = {UpgradeStatus.IN_PROGRESS:d})"""


def read_ended_notices(connection: Connection, account_id: int, now_ms: int, limit: int) -> list[Holder]:
    """Holders whose notice has ended and that have no upgrade in progress, oldest notice first."""
    sql = f"""SELECT l.imei, l.state, {open_upgrade("status", "l")} FROM license l
        WHERE account_id = :account_id AND {_ENDED} ORDER BY notice_place LIMIT :limit"""
    return fetch_all(connection, Holder, sql, account_id=account_id, now=now_ms, limit=limit)


def read_account_with_ended_notice(connection: Connection, now_ms: int) -> int | None:
    """An account with a license to be taken now."""
    sql = f"SELECT account_id FROM license l WHERE {_ENDED} ORDER BY notice_until_ms, account_id LIMIT 1"
    return fetch_int(connection, sql, now=now_ms)


def read_next_notice_end(connection: Connection, after_ms: int) -> int | None:
    """The first end of a notice after `after_ms`."""
    sql = "SELECT min(notice_until_ms) FROM license WHERE notice_until_ms > :after"
    return fetch_int(connection, sql, after=after_ms)


class Cause(msgspec.Struct, frozen=True):
    """The actor, request and operation of a change, with its details."""

    actor: str
    request_id: str
    verb: str
    detail: Mapping[str, object]


class LedgerChangeSet:
    """Collects decisions in order and updates their pools; `record` writes them with one statement per table."""

    def __init__(self) -> None:
        self._licensed: dict[Key, Row] = {}
        self._unlicensed: list[Key] = []
        self._noticed: list[tuple[Key, int, int]] = []
        self._unnoticed: list[Key] = []
        self._notice_ended: list[Key] = []
        self._canceled: dict[Key, Reason] = {}
        self._reclaimed: dict[int, list[Key]] = {}
        self._lost: dict[tuple[int, int], list[Key]] = {}
        self._pools: dict[int, Pool] = {}
        self._entries: list[Row] = []
        self._changes: list[Row] = []

    def note(
        self,
        pool: Pool,
        cause: Cause,
        entries: Sequence[Entry],
        now_ms: int,
        assigned_ms: Sequence[int] | None = None,
        states: Sequence[int] | None = None,
        canceled_upgrades: Sequence[int] = (),
        notice_until_ms: int = 0,
    ) -> None:
        """Adds one decision. `assigned_ms` has the assignment time (ms) of each entry; None: now.

        `states` has the LicenseState of each entry; None: plain.
        """
        account_id = pool.account_id
        self._pools[account_id] = pool
        pool.changes += 1
        detail = json.dumps(cause.detail) if cause.detail else "{}"
        self._changes.append((account_id, pool.changes, now_ms, cause.actor, cause.request_id, cause.verb, detail))
        number = pool.entries
        for place, (device, kind, used_after) in enumerate(entries):
            number += 1
            self._entries.append((account_id, number, pool.changes, device, int(kind), used_after))
            key = (account_id, device)
            if kind is EntryKind.ASSIGNED or kind is EntryKind.IMPORTED or kind is EntryKind.RESTORED:
                since_ms = assigned_ms[place] if assigned_ms else now_ms
                state = states[place] if states else _PLAIN
                self._licensed[key] = (account_id, device, since_ms, number, state, None, None)
            else:
                self._note_other(pool=pool, key=key, kind=kind, number=number, notice_until_ms=notice_until_ms)
        pool.entries = number
        if entries:
            pool.used = entries[-1].used_after
        removed = any(kind is EntryKind.REMOVED for _, kind, _ in entries[:1])
        for device in canceled_upgrades:
            self._canceled[account_id, device] = Reason.LICENSE_REMOVED if removed else Reason.LICENSE_RECLAIMED

    def _note_other(self, pool: Pool, key: Key, kind: EntryKind, number: int, notice_until_ms: int) -> None:
        if kind in _NOTICES:
            pool.notice += 1
            self._noticed.append((key, notice_until_ms, number))
        elif kind is EntryKind.NOTICE_WITHDRAWN:
            pool.notice -= 1
            self._unnoticed.append(key)
        elif kind.delta and self._licensed.pop(key, None) is None:
            self._unlicensed.append(key)
        if kind in _RECLAIMS:
            self._reclaimed.setdefault(pool.account_id, []).append(key)
        if kind in RECLAIM_KINDS:
            self._lost.setdefault((pool.account_id, pool.changes), []).append(key)
        if kind is EntryKind.NOTICE_ENDED:
            pool.notice -= 1
            self._notice_ended.append(key)

    def record(self, connection: Connection) -> None:
        for (_, change), keys in self._lost.items():
            record_lost(connection, change, keys)
        if self._unlicensed:
            connection.delete_keys("license", self._unlicensed)
        if self._licensed:
            connection.insert("license", _LICENSE, self._licensed.values())
        if self._noticed or self._unnoticed:
            self._record_notices(connection)
        self._record_notice_periods(connection)
        if self._canceled:
            self._record_canceled_upgrades(connection)
        for account_id, keys in self._reclaimed.items():
            self._remove_candidates(connection, self._pools[account_id], keys)
        if self._entries:
            connection.insert("ledger_entry", _ENTRY, self._entries)
        if self._changes:
            connection.insert("pool_change", _CHANGE, self._changes)

    def _record_notices(self, connection: Connection) -> None:
        for key, until_ms, number in self._noticed:
            assignment = "state = state + :flag, notice_until_ms = :until, notice_place = :number"
            params = {"flag": int(LicenseState.NOTICE), "until": until_ms, "number": number}
            connection.update_keys("license", assignment, [key], params)
        assignment = "state = state - :flag, notice_until_ms = NULL, notice_place = NULL"
        connection.update_keys("license", assignment, self._unnoticed, {"flag": int(LicenseState.NOTICE)})

    def _record_notice_periods(self, connection: Connection) -> None:
        """Records the notice periods of billing statements."""
        if self._notice_ended:
            record_notices_ended(connection, self._notice_ended)
        if self._unnoticed:
            record_notices_withdrawn(connection, self._unnoticed, self._changes[-1][2])
        if self._noticed:
            given = [(key, until_ms) for key, until_ms, _ in self._noticed]
            record_notices_given(connection, given, self._changes[-1][2])

    def _record_canceled_upgrades(self, connection: Connection) -> None:
        now_ms = self._changes[-1][2]
        change_sets: dict[int, UpgradeChangeSet] = {}
        for upgrade in read_open_upgrades(connection, list(self._canceled)):
            if upgrade.status == UpgradeStatus.SCHEDULED:
                change_set = change_sets.setdefault(upgrade.account_id, UpgradeChangeSet(upgrade.account_id))
                reason = self._canceled[upgrade.account_id, upgrade.imei]
                change_set.changes.append(UpgradeChange(upgrade, UpgradeStatus.CANCELED, reason))
        for account_id in sorted(change_sets):
            change_sets[account_id].record(connection, now_ms)

    def _remove_candidates(self, connection: Connection, pool: Pool, keys: list[Key]) -> None:
        """Removes devices whose license was reclaimed from the candidate list."""
        if not pool.candidates:
            return
        connection.delete_keys("candidate", keys)
        count: int = fetch_value(
            connection, "SELECT count(*) FROM candidate WHERE account_id = :id", id=pool.account_id
        )
        if count != pool.candidates:
            pool.candidates = count
            pool.candidates_updated_ms = self._changes[-1][2]
