"""Licenses: the facts that assign and remove decide on, status pages, and whom a reduction visits."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.accounts.subscriptions import Holder
from fotapool.domain.licenses.licenses import LicenseFacts, LicenseState
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.db.writer import Pools

# Scalar subqueries, not joins: a join's plan that was made on small tables would read whole accounts later.
_FACTS = """
SELECT k.account_id, k.imei,
    (SELECT 1 FROM device d WHERE d.account_id = k.account_id AND d.imei = k.imei),
    (SELECT l.state FROM license l WHERE l.account_id = k.account_id AND l.imei = k.imei),
    (SELECT u.status FROM upgrade u WHERE u.account_id = k.account_id AND u.imei = k.imei AND u.status <= 2)
FROM {keys} k
"""

_UPGRADE_OF_LICENSE = (
    "(SELECT u.status FROM upgrade u WHERE u.account_id = l.account_id AND u.imei = l.imei AND u.status <= 2)"
)


def read_license_facts(connection: Connection, pools: Pools, keys: Sequence[Key]) -> dict[int, LicenseFacts]:
    """For each locked account, what is known of the devices that its commands name."""
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
    parameters = {"account_id": account_id, "cursor": cursor}
    pool, known, rows = connection.fetch_together(
        [
            ("SELECT total, used FROM license_pool WHERE account_id = :account_id", {"account_id": account_id}),
            ("SELECT 1 FROM device WHERE account_id = :account_id AND imei = :cursor", parameters),
            (
                "SELECT imei, assigned_ms FROM license WHERE account_id = :account_id AND imei > :cursor"
                " ORDER BY imei LIMIT :limit",
                {**parameters, "limit": limit},
            ),
        ]
    )
    total, used = pool[0]
    return total, used, bool(known), rows


def read_reduction_candidates(connection: Connection, account_id: int, limit: int) -> list[Holder]:
    """The first candidates, in list order, that hold a license and are not under notice."""
    rows = connection.fetch(
        f"SELECT l.imei, l.state, {_UPGRADE_OF_LICENSE} FROM candidate c"
        " JOIN license l ON l.account_id = c.account_id AND l.imei = c.imei"
        " WHERE c.account_id = :account_id AND l.state < :notice ORDER BY c.place LIMIT :limit",
        {"account_id": account_id, "limit": limit, "notice": int(LicenseState.NOTICE)},
    )
    return [Holder(imei, state, upgrade, candidate=True) for imei, state, upgrade in rows]


def read_oldest_holders(connection: Connection, account_id: int, limit: int) -> list[Holder]:
    """The first assigned licenses of devices that are not candidates and not under notice."""
    rows = connection.fetch(
        f"SELECT l.imei, l.state, {_UPGRADE_OF_LICENSE} FROM license l"
        " WHERE l.account_id = :account_id AND l.state < :notice AND NOT EXISTS"
        " (SELECT 1 FROM candidate c WHERE c.account_id = l.account_id AND c.imei = l.imei)"
        " ORDER BY l.assigned_ms, l.place LIMIT :limit",
        {"account_id": account_id, "limit": limit, "notice": int(LicenseState.NOTICE)},
    )
    return [Holder(imei, state, upgrade, candidate=False) for imei, state, upgrade in rows]


def read_oldest_notices(connection: Connection, account_id: int, limit: int) -> list[int]:
    """The devices under notice, oldest notice first."""
    rows = connection.fetch(
        "SELECT imei FROM license WHERE account_id = :account_id AND notice_until_ms IS NOT NULL"
        " ORDER BY notice_place LIMIT :limit",
        {"account_id": account_id, "limit": limit},
    )
    return [row[0] for row in rows]


_DUE = (
    "notice_until_ms <= :now AND NOT EXISTS"
    " (SELECT 1 FROM upgrade u WHERE u.account_id = l.account_id AND u.imei = l.imei AND u.status = 2)"
)


def read_ended_notices(connection: Connection, account_id: int, now_ms: int, limit: int) -> list[Holder]:
    """Devices of the account whose notice has ended and whose upgrade does not run any more, oldest notice first."""
    rows = connection.fetch(
        f"SELECT l.imei, l.state, {_UPGRADE_OF_LICENSE} FROM license l WHERE account_id = :account_id AND {_DUE}"
        " ORDER BY notice_place LIMIT :limit",
        {"account_id": account_id, "now": now_ms, "limit": limit},
    )
    return [Holder(imei, state, upgrade, candidate=False) for imei, state, upgrade in rows]


def read_account_with_ended_notice(connection: Connection, now_ms: int) -> int | None:
    """An account that has a license to be taken now."""
    rows = connection.fetch(
        f"SELECT account_id FROM license l WHERE {_DUE} ORDER BY notice_until_ms, account_id LIMIT 1", {"now": now_ms}
    )
    return rows[0][0] if rows else None


def read_next_notice_end(connection: Connection, after_ms: int) -> int | None:
    """The first moment after `after_ms` at which a notice ends."""
    rows = connection.fetch(
        "SELECT min(notice_until_ms) FROM license WHERE notice_until_ms > :after", {"after": after_ms}
    )
    return rows[0][0] if rows else None
