"""Upgrades: the devices of campaigns in pages, what is due of them, a device's open one and its history."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.campaigns.device_checks import DeviceFacts
from fotapool.domain.campaigns.upgrades import Upgrade, UpgradeStatus
from fotapool.store.db.connection import Connection, Key, Row

_COLUMNS = (
    "u.id, u.account_id, u.imei, u.campaign_id, u.status, u.reason, u.attempts, u.scheduled_ms, u.started_ms,"
    " u.ended_ms, u.updated_ms, u.due_ms"
)
_INSERTED = "account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, updated_ms, due_ms"
# Scalar subqueries, not joins: see store/licenses/licenses.py.
_DEVICE_FACTS = (
    "d.make, d.model, d.firmware, d.protocol, d.status,"
    " (SELECT 1 FROM license l WHERE l.account_id = {a}.account_id AND l.imei = {a}.imei),"
    " (SELECT 1 FROM upgrade o WHERE o.account_id = {a}.account_id AND o.imei = {a}.imei AND o.status <= 2)"
)
_OF_CAMPAIGN = (
    f"SELECT {_COLUMNS} FROM upgrade u WHERE u.campaign_id = :campaign_id AND u.campaign_id > 0"
    " AND u.imei > :after ORDER BY u.imei LIMIT :limit"
)


def _facts(imei: int, row: Row) -> DeviceFacts:
    make, model, firmware, protocol, status, licensed, has_open = row
    return DeviceFacts(
        imei=imei,
        make=make,
        model=model,
        firmware=firmware,
        protocol=protocol,
        status=status,
        licensed=licensed is not None,
        has_open_upgrade=has_open is not None,
    )


def read_open_upgrade(connection: Connection, account_id: int, device: int) -> Upgrade | None:
    """The device's scheduled or running upgrade."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.account_id = :account_id AND u.imei = :imei AND u.status <= 2",
        {"account_id": account_id, "imei": device},
    )
    return Upgrade(*rows[0]) if rows else None


def read_upgrade(connection: Connection, account_id: int, device: int, upgrade_id: int) -> Upgrade | None:
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.id = :id AND u.account_id = :account_id AND u.imei = :imei",
        {"id": upgrade_id, "account_id": account_id, "imei": device},
    )
    return Upgrade(*rows[0]) if rows else None


def read_open_upgrades(connection: Connection, keys: Sequence[Key]) -> list[Upgrade]:
    """The open upgrades of the devices."""
    rows = connection.fetch_keys(
        f"SELECT {_COLUMNS} FROM {{keys}} k JOIN upgrade u ON u.account_id = k.account_id AND u.imei = k.imei"
        " AND u.status <= 2",
        keys,
    )
    return [Upgrade(*row) for row in rows]


def read_pending(connection: Connection, campaign_id: int, after: int, limit: int) -> list[tuple[Upgrade, DeviceFacts]]:
    """The campaign's devices that are to be checked, by IMEI, with what is known of them."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS}, {_DEVICE_FACTS.replace('{a}', 'u')} FROM upgrade u"
        " LEFT JOIN device d ON d.account_id = u.account_id AND d.imei = u.imei"
        " WHERE u.campaign_id = :campaign_id AND u.campaign_id > 0 AND u.imei > :after AND u.status = 6"
        " ORDER BY u.imei LIMIT :limit",
        {"campaign_id": campaign_id, "after": after, "limit": limit},
    )
    return [(Upgrade(*row[:12]), _facts(row[2], row[12:])) for row in rows]


def read_device_facts(connection: Connection, account_id: int, devices: Sequence[int]) -> dict[int, DeviceFacts]:
    """What a campaign must know of the devices."""
    rows = connection.fetch_keys(
        f"SELECT k.imei, {_DEVICE_FACTS.replace('{a}', 'k')} FROM {{keys}} k"
        " LEFT JOIN device d ON d.account_id = k.account_id AND d.imei = k.imei",
        [(account_id, device) for device in devices],
    )
    return {row[0]: _facts(row[0], row[1:]) for row in rows}


def read_joining(
    connection: Connection, account_id: int, campaign_id: int, fit: tuple[str, str, str, str], after: int, limit: int
) -> list[DeviceFacts]:
    """Devices of this make, model, firmware and protocol that are not in the campaign yet, by IMEI."""
    make, model, firmware, protocol = fit
    rows = connection.fetch(
        f"SELECT d.imei, {_DEVICE_FACTS.replace('{a}', 'd')} FROM device d"
        " WHERE d.account_id = :account_id AND d.make = :make AND d.model = :model AND d.firmware = :firmware"
        " AND d.imei > :after AND d.protocol = :protocol AND NOT EXISTS"
        " (SELECT 1 FROM upgrade u WHERE u.campaign_id = :campaign_id AND u.campaign_id > 0 AND u.imei = d.imei)"
        " ORDER BY d.imei LIMIT :limit",
        {
            "account_id": account_id,
            "make": make,
            "model": model,
            "firmware": firmware,
            "protocol": protocol,
            "campaign_id": campaign_id,
            "after": after,
            "limit": limit,
        },
    )
    return [_facts(row[0], row[1:]) for row in rows]


def read_campaign_upgrades(connection: Connection, campaign_id: int, devices: Sequence[int]) -> dict[int, Upgrade]:
    """The campaign's upgrades of these devices."""
    rows = connection.fetch_rows(
        f"SELECT {_COLUMNS} FROM {{rows}} k JOIN upgrade u ON u.campaign_id = k.campaign_id AND u.imei = k.imei"
        " AND u.campaign_id > 0",
        "campaign_id,imei",
        [(campaign_id, device) for device in devices],
    )
    return {row[2]: Upgrade(*row) for row in rows}


def read_open_page(
    connection: Connection, campaign_id: int, status: UpgradeStatus, after: int, limit: int
) -> list[Upgrade]:
    """The campaign's scheduled or running upgrades, by IMEI."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.campaign_id = :campaign_id AND u.status = {int(status)}"
        " AND u.status <= 2 AND u.imei > :after ORDER BY u.imei LIMIT :limit",
        {"campaign_id": campaign_id, "after": after, "limit": limit},
    )
    return [Upgrade(*row) for row in rows]


def read_due(connection: Connection, campaign_id: int, now_ms: int, limit: int) -> list[Upgrade]:
    """The campaign's upgrades whose simulated device does something now, earliest first."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.campaign_id = :campaign_id AND u.due_ms <= :now"
        " ORDER BY u.due_ms, u.imei LIMIT :limit",
        {"campaign_id": campaign_id, "now": now_ms, "limit": limit},
    )
    return [Upgrade(*row) for row in rows]


def read_next_due(connection: Connection, campaign_id: int) -> int | None:
    """When the next of the campaign's simulated devices does something."""
    rows = connection.fetch(
        "SELECT min(due_ms) FROM upgrade WHERE campaign_id = :campaign_id AND due_ms IS NOT NULL",
        {"campaign_id": campaign_id},
    )
    due_ms: int | None = rows[0][0]
    return due_ms


def has_open(connection: Connection, campaign_id: int, status: UpgradeStatus | None = None) -> bool:
    """Whether the campaign has a scheduled or running upgrade, or one of the given status of the two."""
    only = f" AND status = {int(status)}" if status else ""
    return bool(
        connection.fetch(
            f"SELECT 1 FROM upgrade WHERE campaign_id = :campaign_id AND status <= 2{only} LIMIT 1",
            {"campaign_id": campaign_id},
        )
    )


def record_new_upgrades(
    connection: Connection,
    account_id: int,
    campaign_id: int,
    devices: Sequence[tuple[int, UpgradeStatus, int, int | None]],
    now_ms: int,
) -> None:
    """Adds devices, as (IMEI, status, reason, due in ms or None); one that is in the campaign already begins anew."""
    rows = [
        (account_id, imei, campaign_id, int(status), int(reason), 0, now_ms, now_ms, due_ms)
        for imei, status, reason, due_ms in devices
    ]
    connection.insert(
        "upgrade",
        _INSERTED,
        rows,
        "ON CONFLICT (campaign_id, imei) WHERE campaign_id > 0 DO UPDATE SET status = excluded.status,"
        " reason = excluded.reason, scheduled_ms = excluded.scheduled_ms, started_ms = NULL, ended_ms = NULL,"
        " updated_ms = excluded.updated_ms, due_ms = excluded.due_ms",
    )


def record_operator_upgrade(
    connection: Connection, account_id: int, device: int, status: UpgradeStatus, now_ms: int
) -> None:
    """An upgrade that the operator says there is, outside any campaign."""
    started_ms = now_ms if status is UpgradeStatus.IN_PROGRESS else None
    connection.execute(
        "INSERT INTO upgrade (account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms,"
        " updated_ms) VALUES (:account_id, :imei, 0, :status, 0, 0, :now, CAST(:started AS BIGINT), :now)",
        {"account_id": account_id, "imei": device, "status": int(status), "now": now_ms, "started": started_ms},
    )


def read_campaign_devices(
    connection: Connection, account_id: int, campaign_id: int, after: int, cursor: int, limit: int
) -> tuple[bool, list[Upgrade]]:
    """Whether the cursor is a device of the account, and the campaign's devices with greater IMEIs."""
    known, rows = connection.fetch_together(
        [
            (
                "SELECT 1 FROM device WHERE account_id = :account_id AND imei = :cursor",
                {"account_id": account_id, "cursor": cursor},
            ),
            (_OF_CAMPAIGN, {"campaign_id": campaign_id, "after": after, "limit": limit}),
        ]
    )
    return bool(known), [Upgrade(*row) for row in rows]


def read_all_of_campaign(connection: Connection, campaign_id: int, limit: int) -> list[Upgrade]:
    """The campaign's first devices by IMEI."""
    rows = connection.fetch(_OF_CAMPAIGN, {"campaign_id": campaign_id, "after": -1, "limit": limit})
    return [Upgrade(*row) for row in rows]


def read_device_history(
    connection: Connection, account_id: int, device: int, since_ms: int, limit: int
) -> tuple[bool, list[Upgrade]]:
    """Whether the account has the device, and its upgrades of campaigns that were open since then, oldest first."""
    params = {"account_id": account_id, "imei": device}
    known, rows = connection.fetch_together(
        [
            ("SELECT 1 FROM device WHERE account_id = :account_id AND imei = :imei", params),
            (
                f"SELECT {_COLUMNS} FROM upgrade u WHERE u.account_id = :account_id AND u.imei = :imei"
                " AND u.campaign_id > 0 AND (u.ended_ms IS NULL OR u.ended_ms >= :since)"
                " ORDER BY u.id DESC LIMIT :limit",
                {**params, "since": since_ms, "limit": limit},
            ),
        ]
    )
    return bool(known), [Upgrade(*row) for row in reversed(rows)]


def read_device_upgrades(connection: Connection, account_id: int, imei: int, limit: int) -> list[Upgrade]:
    """The device's last upgrades, newest first."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.account_id = :account_id AND u.imei = :imei"
        " ORDER BY u.id DESC LIMIT :limit",
        {"account_id": account_id, "imei": imei, "limit": limit},
    )
    return [Upgrade(*row) for row in rows]


def read_unfinished(connection: Connection, campaign_id: int, after: int, limit: int) -> list[Upgrade]:
    """The campaign's upgrades that have not begun, checked or not, by IMEI."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM upgrade u WHERE u.campaign_id = :campaign_id AND u.campaign_id > 0"
        " AND u.imei > :after AND u.status IN (1, 6) ORDER BY u.imei LIMIT :limit",
        {"campaign_id": campaign_id, "after": after, "limit": limit},
    )
    return [Upgrade(*row) for row in rows]


def has_rejected(connection: Connection, campaign_id: int) -> bool:
    """Whether a device of the campaign was rejected by its checks."""
    return bool(
        connection.fetch(
            "SELECT 1 FROM upgrade WHERE campaign_id = :campaign_id AND campaign_id > 0 AND status = 7 LIMIT 1",
            {"campaign_id": campaign_id},
        )
    )
