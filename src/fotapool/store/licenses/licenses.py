"""Licenses: the facts for assign and remove, status pages, and the order in which a reduction takes licenses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fotapool.domain.accounts.subscriptions import Holder
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.licenses import LicenseFacts, LicenseState
from fotapool.store.campaigns.upgrades import IS_OPEN, open_upgrade
from fotapool.store.db.commands import Pools
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.db.rows import fetch_all, fetch_int, fetch_values

# Scalar subqueries instead of joins: the plan of a join, made while tables are small, would scan whole accounts later.
_FACTS = f"""
SELECT k.account_id, k.imei,
    (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei),
    (SELECT l.state FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei),
    {open_upgrade("status", "k")}
FROM {{keys}} k
"""
_NOT_UNDER_NOTICE = f"l.state < {LicenseState.NOTICE:d}"


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
    known = "SELECT 1 FROM device WHERE account_id = :account_id AND imei = :cursor"
    page = """SELECT imei, assigned_ms FROM license WHERE account_id = :account_id AND imei > :cursor
        ORDER BY imei LIMIT :limit"""
    params = {"account_id": account_id, "cursor": cursor, "limit": limit}
    pools, found, rows = connection.fetch_together([(sql, params) for sql in (pool, known, page)])
    total, used = pools[0]
    return total, used, bool(found), rows


def _holders(connection: Connection, tables: str, account_id: int, candidate: bool, **params: int) -> list[Holder]:
    """Holders of licenses `l`; `tables` is the rest of the statement from FROM on."""
    sql = f"SELECT l.imei, l.state, {open_upgrade('status', 'l')} FROM {tables} LIMIT :limit"
    return fetch_all(connection, partial(Holder, candidate=candidate), sql, account_id=account_id, **params)


def read_reduction_candidates(connection: Connection, account_id: int, limit: int) -> list[Holder]:
    """The first candidates with a license that is not under notice, in list order."""
    tables = f"""candidate c JOIN license l ON l.account_id = c.account_id AND l.imei = c.imei
        WHERE c.account_id = :account_id AND {_NOT_UNDER_NOTICE} ORDER BY c.place"""
    return _holders(connection, tables, account_id, candidate=True, limit=limit)


def read_oldest_holders(connection: Connection, account_id: int, limit: int) -> list[Holder]:
    """Holders that are neither candidates nor under notice, first assigned first."""
    tables = f"""license l WHERE l.account_id = :account_id AND {_NOT_UNDER_NOTICE}
        AND NOT EXISTS (SELECT 1 FROM candidate c WHERE c.account_id = l.account_id AND c.imei = l.imei)
        ORDER BY l.assigned_ms, l.place"""
    return _holders(connection, tables, account_id, candidate=False, limit=limit)


def read_oldest_notices(connection: Connection, account_id: int, limit: int) -> list[int]:
    """The devices under notice, oldest notice first."""
    sql = """SELECT imei FROM license WHERE account_id = :account_id AND notice_until_ms IS NOT NULL
        ORDER BY notice_place LIMIT :limit"""
    return fetch_values(connection, sql, account_id=account_id, limit=limit)


_ENDED = f"""notice_until_ms <= :now AND NOT EXISTS (SELECT 1 FROM upgrade u WHERE u.account_id = l.account_id
    AND u.imei = l.imei AND u.{IS_OPEN} AND u.status = {UpgradeStatus.IN_PROGRESS:d})"""


def read_ended_notices(connection: Connection, account_id: int, now_ms: int, limit: int) -> list[Holder]:
    """Holders whose notice has ended and that have no upgrade in progress, oldest notice first."""
    tables = f"license l WHERE account_id = :account_id AND {_ENDED} ORDER BY notice_place"
    return _holders(connection, tables, account_id, candidate=False, now=now_ms, limit=limit)


def read_account_with_ended_notice(connection: Connection, now_ms: int) -> int | None:
    """An account with a license to be taken now."""
    sql = f"SELECT account_id FROM license l WHERE {_ENDED} ORDER BY notice_until_ms, account_id LIMIT 1"
    return fetch_int(connection, sql, now=now_ms)


def read_next_notice_end(connection: Connection, after_ms: int) -> int | None:
    """The first end of a notice after `after_ms`."""
    sql = "SELECT min(notice_until_ms) FROM license WHERE notice_until_ms > :after"
    return fetch_int(connection, sql, after=after_ms)
