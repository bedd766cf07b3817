"""Upgrades: the open one of a device, and its next state."""

from __future__ import annotations

from fotapool.domain.licenses import LicenseState
from fotapool.domain.upgrades import UpgradeStatus
from fotapool.store.database import Connection

_DEVICE = "account_id = :account_id AND imei = :imei"


def read_open_upgrade(connection: Connection, account_id: int, device: int) -> UpgradeStatus | None:
    rows = connection.fetch(
        f"SELECT status FROM upgrade WHERE {_DEVICE} AND status <= 2",
        {"account_id": account_id, "imei": device},
    )
    return UpgradeStatus(rows[0][0]) if rows else None


def record_upgrade(
    connection: Connection,
    account_id: int,
    device: int,
    current: UpgradeStatus | None,
    wanted: UpgradeStatus,
    now_ms: int,
) -> None:
    """Creates the upgrade, or moves the open one. A completed one marks the device's license as used (rule L4)."""
    params = {"account_id": account_id, "imei": device, "status": int(wanted), "now": now_ms}
    if current is None:
        started = ":now" if wanted is UpgradeStatus.IN_PROGRESS else "NULL"
        connection.execute(
            "INSERT INTO upgrade (account_id, imei, status, scheduled_ms, started_ms)"
            f" VALUES (:account_id, :imei, :status, :now, {started})",
            params,
        )
    else:
        moment = "started_ms" if wanted is UpgradeStatus.IN_PROGRESS else "ended_ms"
        connection.execute(
            f"UPDATE upgrade SET status = :status, {moment} = :now WHERE {_DEVICE} AND status <= 2", params
        )
    if wanted is UpgradeStatus.COMPLETED:
        connection.update_keys(
            "license", "state = state + :flag", [(account_id, device)], {"flag": int(LicenseState.USED)},
            where="state IN (0, 2)",
        )  # fmt: skip
