"""Upgrades: pages of a campaign's devices, due upgrades, and a device's open upgrade and history."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.campaigns.device_checks import DeviceFacts
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.paging import BEFORE_ALL
from fotapool.store.campaigns.tallies import record_moves
from fotapool.store.db.connection import Connection, Key
from fotapool.store.db.rows import (
    KNOWN_DEVICE,
    columns,
    converting,
    exists,
    fetch_all,
    fetch_devices,
    fetch_int,
    fetch_one,
    fetch_page,
    field_names,
    numbers,
)

IS_OPEN = f"status <= {UpgradeStatus.IN_PROGRESS:d}"
"""The condition of the partial indexes of open upgrades, literally, so that SQLite uses them."""
OPERATOR_CAMPAIGN = 0
"""The `campaign_id` of upgrades that the operator has set."""
HAS_CAMPAIGN = f"campaign_id > {OPERATOR_CAMPAIGN}"
"""The condition of the partial index of a campaign's devices: without it, a query by campaign reads all upgrades."""


def open_upgrade(column: str, of: str) -> str:
    """A scalar subquery: a column of the open upgrade of the device of table `of`. See store/licenses/licenses.py."""
    of_device = f"o.account_id = {of}.account_id AND o.imei = {of}.imei"
    return f"(SELECT o.{column} FROM upgrade o WHERE {of_device} AND o.{IS_OPEN})"


_SELECT = f"SELECT {columns(Upgrade, 'u')} FROM upgrade u"
_OF_CAMPAIGN = f"u.campaign_id = :campaign_id AND u.{HAS_CAMPAIGN}"
_PAGE = f"{_SELECT} WHERE {_OF_CAMPAIGN} AND u.imei > :after{{where}} ORDER BY u.imei LIMIT :limit"
_UNFINISHED = f" AND u.status IN ({numbers((UpgradeStatus.SCHEDULED, UpgradeStatus.PENDING))})"
_device_facts = converting(DeviceFacts, licensed=bool, has_open_upgrade=bool)


def _facts_columns(of: str) -> str:
    """The columns of DeviceFacts for devices `d`; `of` is the table that names the device."""
    return columns(
        DeviceFacts,
        "d",
        imei=f"{of}.imei",
        licensed=f"(SELECT 1 FROM license l WHERE l.account_id = {of}.account_id AND l.imei = {of}.imei)",
        has_open_upgrade=open_upgrade("id", of),
    )


def read_open_upgrade(connection: Connection, account_id: int, device: int) -> Upgrade | None:
    """The device's scheduled or running upgrade."""
    sql = f"{_SELECT} WHERE u.account_id = :account_id AND u.imei = :imei AND u.{IS_OPEN}"
    return fetch_one(connection, Upgrade, sql, account_id=account_id, imei=device)


def read_upgrade(connection: Connection, account_id: int, device: int, upgrade_id: int) -> Upgrade | None:
    sql = f"{_SELECT} WHERE u.id = :id AND u.account_id = :account_id AND u.imei = :imei"
    return fetch_one(connection, Upgrade, sql, id=upgrade_id, account_id=account_id, imei=device)


def read_open_upgrades(connection: Connection, keys: Sequence[Key]) -> list[Upgrade]:
    """The open upgrades of the devices."""
    rows = connection.fetch_keys(
        f"SELECT {columns(Upgrade, 'u')} FROM {{keys}} k"
        f" JOIN upgrade u ON u.account_id = k.account_id AND u.imei = k.imei AND u.{IS_OPEN}",
        keys,
    )
    return [Upgrade(*row) for row in rows]


def read_pending(connection: Connection, campaign_id: int, after: int, limit: int) -> list[tuple[Upgrade, DeviceFacts]]:
    """The campaign's pending upgrades with facts about their devices, by IMEI."""
    rows = connection.fetch(
        f"SELECT {columns(Upgrade, 'u')}, {_facts_columns('u')} FROM upgrade u"
        f" LEFT JOIN device d ON d.account_id = u.account_id AND d.imei = u.imei WHERE {_OF_CAMPAIGN}"
        f" AND u.imei > :after AND u.status = {UpgradeStatus.PENDING:d} ORDER BY u.imei LIMIT :limit",
        {"campaign_id": campaign_id, "after": after, "limit": limit},
    )
    width = len(field_names(Upgrade))
    return [(Upgrade(*row[:width]), _device_facts(*row[width:])) for row in rows]


def read_device_facts(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, DeviceFacts]:
    """The facts about the devices that the checks of a campaign need, by IMEI."""
    sql = f"""SELECT {_facts_columns("k")} FROM {{keys}} k
        LEFT JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei"""
    return {facts.imei: facts for facts in fetch_devices(connection, _device_facts, sql, (account_id, devices))}


def read_joining(
    connection: Connection, account_id: int, campaign_id: int, fit: tuple[str, str, str, str], after: int, limit: int
) -> list[DeviceFacts]:
    """Devices of this make, model, firmware and protocol that are not in the campaign yet, by IMEI."""
    sql = f"""SELECT {_facts_columns("d")} FROM device d
        WHERE d.account_id = :account_id AND d.make = :make AND d.model = :model AND d.firmware = :firmware
        AND d.imei > :after AND d.protocol = :protocol
        AND NOT EXISTS (SELECT 1 FROM upgrade u WHERE {_OF_CAMPAIGN} AND u.imei = d.imei)
        ORDER BY d.imei LIMIT :limit"""
    params = dict(zip(("make", "model", "firmware", "protocol"), fit, strict=True))
    ids = {"account_id": account_id, "campaign_id": campaign_id}
    return fetch_all(connection, _device_facts, sql, after=after, limit=limit, **ids, **params)


def read_campaign_upgrades(connection: Connection, campaign_id: int, devices: Sequence[int]) -> dict[int, Upgrade]:
    """The campaign's upgrades of these devices, by IMEI."""
    rows = connection.fetch_rows(
        f"SELECT {columns(Upgrade, 'u')} FROM {{rows}} k JOIN upgrade u ON u.campaign_id = k.campaign_id"
        f" AND u.imei = k.imei AND u.{HAS_CAMPAIGN}",
        "campaign_id,imei",
        [(campaign_id, device) for device in devices],
    )
    return {upgrade.imei: upgrade for upgrade in (Upgrade(*row) for row in rows)}


def read_open_page(
    connection: Connection, campaign_id: int, status: UpgradeStatus, after: int, limit: int
) -> list[Upgrade]:
    """The campaign's scheduled or running upgrades, by IMEI."""
    sql = f"""{_SELECT} WHERE u.campaign_id = :campaign_id AND u.status = {status:d} AND u.{IS_OPEN}
        AND u.imei > :after ORDER BY u.imei LIMIT :limit"""
    return fetch_all(connection, Upgrade, sql, campaign_id=campaign_id, after=after, limit=limit)


def read_due(connection: Connection, campaign_id: int, now_ms: int, limit: int) -> list[Upgrade]:
    """The campaign's upgrades whose simulated device acts now, earliest first."""
    sql = f"""{_SELECT} WHERE u.campaign_id = :campaign_id AND u.due_ms <= :now
        ORDER BY u.due_ms, u.imei LIMIT :limit"""
    return fetch_all(connection, Upgrade, sql, campaign_id=campaign_id, now=now_ms, limit=limit)


def read_next_due(connection: Connection, campaign_id: int) -> int | None:
    """When (ms) the next simulated device of the campaign acts."""
    sql = "SELECT min(due_ms) FROM upgrade WHERE campaign_id = :campaign_id AND due_ms IS NOT NULL"
    return fetch_int(connection, sql, campaign_id=campaign_id)


def has_open(connection: Connection, campaign_id: int, status: UpgradeStatus | None = None) -> bool:
    """Whether the campaign has an open upgrade, of the status if one is given."""
    where = f" AND status = {status:d}" if status else ""
    sql = f"SELECT 1 FROM upgrade WHERE campaign_id = :campaign_id AND {IS_OPEN}{where} LIMIT 1"
    return exists(connection, sql, campaign_id=campaign_id)


def record_new_upgrades(
    connection: Connection,
    account_id: int,
    campaign_id: int,
    devices: Sequence[tuple[int, UpgradeStatus, int, int | None]],
    now_ms: int,
) -> None:
    """Adds devices as (IMEI, status, reason, due in ms or None). A device that is in the campaign starts again."""
    before = read_campaign_upgrades(connection, campaign_id, [device[0] for device in devices]) if devices else {}
    moves = [
        (campaign_id, int(before[imei].status) if imei in before else None, int(status))
        for imei, status, _, _ in devices
    ]
    record_moves(connection, moves)
    connection.insert(
        "upgrade",
        "account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, updated_ms, due_ms",
        [
            (account_id, imei, campaign_id, int(status), int(reason), 0, now_ms, now_ms, due_ms)
            for imei, status, reason, due_ms in devices
        ],
        f"ON CONFLICT (campaign_id, imei) WHERE {HAS_CAMPAIGN} DO UPDATE SET"
        " status = excluded.status, reason = excluded.reason, scheduled_ms = excluded.scheduled_ms, started_ms = NULL,"
        " ended_ms = NULL, updated_ms = excluded.updated_ms, due_ms = excluded.due_ms",
    )


def record_operator_upgrade(
    connection: Connection, account_id: int, device: int, status: UpgradeStatus, now_ms: int
) -> None:
    """Adds an upgrade that the operator sets, outside any campaign."""
    started_ms = now_ms if status is UpgradeStatus.IN_PROGRESS else None
    names = "account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms, updated_ms"
    row = (account_id, device, OPERATOR_CAMPAIGN, int(status), int(Reason.NONE), 0, now_ms, started_ms, now_ms)
    connection.insert("upgrade", names, [row])


def read_campaign_devices(
    connection: Connection, account_id: int, campaign_id: int, after: int, cursor: int, limit: int
) -> tuple[bool, list[Upgrade]]:
    """Whether the cursor is a device of the account, and the campaign's devices with greater IMEIs than `after`."""
    params = {"account_id": account_id, "cursor": cursor, "campaign_id": campaign_id, "after": after, "limit": limit}
    return fetch_page(connection, Upgrade, _PAGE.format(where=""), params)


def read_all_of_campaign(connection: Connection, campaign_id: int, limit: int) -> list[Upgrade]:
    """The campaign's first devices by IMEI."""
    sql = _PAGE.format(where="")
    return fetch_all(connection, Upgrade, sql, campaign_id=campaign_id, after=BEFORE_ALL, limit=limit)


def read_unfinished(connection: Connection, campaign_id: int, after: int, limit: int) -> list[Upgrade]:
    """The campaign's pending and scheduled upgrades, by IMEI."""
    sql = _PAGE.format(where=_UNFINISHED)
    return fetch_all(connection, Upgrade, sql, campaign_id=campaign_id, after=after, limit=limit)


def read_device_history(
    connection: Connection, account_id: int, device: int, since_ms: int, limit: int
) -> tuple[bool, list[Upgrade]]:
    """Whether the account has the device, and its upgrades of campaigns that were open since then, oldest first."""
    params = {"account_id": account_id, "cursor": device, "since": since_ms, "limit": limit}
    sql = f"""{_SELECT} WHERE u.account_id = :account_id AND u.imei = :cursor AND u.{HAS_CAMPAIGN}
        AND (u.ended_ms IS NULL OR u.ended_ms >= :since) ORDER BY u.id DESC LIMIT :limit"""
    known, newest_first = fetch_page(connection, Upgrade, sql, params, known=KNOWN_DEVICE)
    return known, newest_first[::-1]


def read_device_upgrades(connection: Connection, account_id: int, imei: int, limit: int) -> list[Upgrade]:
    """The device's last upgrades, newest first."""
    sql = f"{_SELECT} WHERE u.account_id = :account_id AND u.imei = :imei ORDER BY u.id DESC LIMIT :limit"
    return fetch_all(connection, Upgrade, sql, account_id=account_id, imei=imei, limit=limit)


def record_failure_message(connection: Connection, upgrade_id: int, message: str) -> None:
    """Records what the device said about the failure of its upgrade."""
    connection.execute("UPDATE upgrade SET message = :message WHERE id = :id", {"message": message, "id": upgrade_id})


def read_failure_messages(connection: Connection, account_id: int, imei: int) -> dict[int, str]:
    """What the device said about the failures of its upgrades, by their ids."""
    sql = """SELECT u.id, u.message FROM upgrade u
        WHERE u.account_id = :account_id AND u.imei = :imei AND u.message IS NOT NULL"""
    return dict(connection.fetch(sql, {"account_id": account_id, "imei": imei}))


def has_rejected(connection: Connection, campaign_id: int) -> bool:
    """Whether the checks rejected a device of the campaign."""
    sql = f"SELECT 1 FROM upgrade u WHERE {_OF_CAMPAIGN} AND u.status = {UpgradeStatus.REJECTED:d} LIMIT 1"
    return exists(connection, sql, campaign_id=campaign_id)
