"""Campaigns: rows with their artifacts, lists, and due campaigns."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from fotapool.domain.campaigns.campaigns import CHECKED, SCAN_START, Artifact, Campaign, CampaignStatus, Flow, Windows
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, fetch_int, fetch_one, fetch_value, field_names, numbers
from fotapool.store.packages.artifacts import read_artifact

LEASE_MS = 30_000
"""How long a server holds a campaign's lease, by the database's clock, before another server may take it."""

_SELECT = f"SELECT {columns(Campaign, 'c', artifact='c.package_id, c.file_id')} FROM campaign c"
_INSERTED = columns(Campaign, artifact="package_id, file_id").removeprefix("id, ")
_UPDATED = (
    "start_date, end_date, start_ms, end_ms, windows, status, devices, scan_cursor, enroll_cursor, updated_ms,"
    " ended_ms, due_ms"
)
_NAMES = field_names(Campaign)
_SUBJECT = _NAMES.index("artifact")


def read_campaign(connection: Connection, account_id: int, uuid: str) -> Campaign | None:
    """The account's campaign with the UUID."""
    sql = f"{_SELECT} WHERE c.uuid = :uuid AND c.account_id = :account_id"
    rows = connection.fetch(sql, {"uuid": uuid, "account_id": account_id})
    return _campaigns(connection, rows)[0] if rows else None


def read_campaign_by_id(connection: Connection, campaign_id: int) -> Campaign | None:
    rows = connection.fetch(f"{_SELECT} WHERE c.id = :id", {"id": campaign_id})
    return _campaigns(connection, rows)[0] if rows else None


def read_campaigns(
    connection: Connection,
    account_id: int,
    statuses: Collection[CampaignStatus],
    after: int,
    skipped: int,
    since_ms: int,
    limit: int,
) -> list[Campaign]:
    """Campaigns in these states with ids above `after`, oldest first, without the first `skipped`.

    Campaigns that ended before `since_ms` are excluded.
    """
    rows = connection.fetch(
        f"{_SELECT} WHERE c.account_id = :account_id AND c.id > :after"
        f" AND c.status IN ({numbers(statuses)}) AND (c.ended_ms IS NULL OR c.ended_ms >= :since)"
        " ORDER BY c.id LIMIT :limit OFFSET :skipped",
        {"account_id": account_id, "after": after, "since": since_ms, "limit": limit, "skipped": skipped},
    )
    return _campaigns(connection, rows)


def _campaigns(connection: Connection, rows: Sequence[Row]) -> list[Campaign]:
    artifacts: dict[Row, Artifact] = {}
    found = []
    for row in rows:
        package_id, file_id = key = row[_SUBJECT : _SUBJECT + 2]
        if key not in artifacts:
            artifacts[key] = read_artifact(connection, file_id is not None, package_id if file_id is None else file_id)
        values = dict(zip(_NAMES, (*row[:_SUBJECT], artifacts[key], *row[_SUBJECT + 2 :]), strict=True))
        values["flow"], values["status"] = Flow(values["flow"]), CampaignStatus(values["status"])
        values["auto_assign"], values["auto_add"] = bool(values["auto_assign"]), bool(values["auto_add"])
        found.append(Campaign(**{**values, "windows": _windows(values["windows"])}))
    return found


def _windows(text: str) -> Windows:
    parts = json.loads(text)
    download, install = (tuple((first, end) for first, end in parts[name]) for name in ("download", "install"))
    return Windows(download, install, parts["downloadAfter"], parts["installAfter"])


def _values(campaign: Campaign) -> dict[str, Any]:
    """The campaign's columns with their values."""
    values: dict[str, Any] = {name: getattr(campaign, name) for name in _NAMES}
    for name in ("flow", "status", "auto_assign", "auto_add"):
        values[name] = int(values[name])
    artifact, windows = campaign.artifact, campaign.windows
    values["package_id"], values["file_id"] = (None, artifact.id) if artifact.is_file else (artifact.id, None)
    values["windows"] = json.dumps(
        {
            "download": windows.download,
            "install": windows.install,
            "downloadAfter": windows.download_after,
            "installAfter": windows.install_after,
        }
    )
    return values


def record_new_campaign(connection: Connection, campaign: Campaign) -> None:
    """Inserts the campaign and sets its id."""
    values = _values(campaign)
    row = (*(values[name] for name in _INSERTED.split(", ")), 0)
    connection.insert("campaign", f"{_INSERTED}, leased_until_ms", [row])
    campaign.id = fetch_value(connection, "SELECT id FROM campaign WHERE uuid = :uuid", uuid=campaign.uuid)


def record_campaigns(connection: Connection, campaigns: Sequence[Campaign]) -> None:
    """Updates the campaigns and releases their leases."""
    rows = []
    for campaign in campaigns:
        values = _values(campaign)
        rows.append((campaign.id, *(values[name] for name in _UPDATED.split(", ")), 0))
    connection.update_rows("campaign", "id", f"{_UPDATED}, leased_until_ms", rows)


def record_devices_changed(connection: Connection, account_id: int, now_ms: int, firmware: str | None = None) -> None:
    """Makes the account's campaigns with autoAddDevicesFlag search for devices, since some were added or changed.

    `firmware` limits this to campaigns that upgrade from the version, if only the firmware of devices changed.
    """
    params: dict[str, object] = {"account_id": account_id, "now": now_ms}
    where = ""
    if firmware is not None:
        where = " AND (SELECT p.from_version FROM package p WHERE p.id = campaign.package_id) = :firmware"
        params["firmware"] = firmware
    connection.execute(
        f"UPDATE campaign SET enroll_cursor = {SCAN_START},"
        " due_ms = CASE WHEN due_ms < :now THEN due_ms ELSE :now END WHERE account_id = :account_id"
        f" AND ended_ms IS NULL AND auto_add = 1 AND status IN ({numbers(CHECKED)}){where}",
        params,
    )


def claim_due_campaign(connection: Connection, now_ms: int) -> tuple[int, int] | None:
    """Leases the campaign with the earliest due time that no server holds. Returns (id, account id)."""
    clock, skip_locked = connection.syntax["now_ms"], connection.syntax["skip_locked"]
    sql = f"""UPDATE campaign SET leased_until_ms = {clock} + {LEASE_MS} WHERE id =
            (SELECT id FROM campaign WHERE due_ms <= :now AND leased_until_ms <= {clock}
            ORDER BY due_ms, id LIMIT 1 {skip_locked})
        RETURNING id, account_id"""
    return fetch_one(connection, lambda campaign_id, account_id: (campaign_id, account_id), sql, now=now_ms)


def read_next_campaign_due(connection: Connection, after_ms: int) -> int | None:
    """The first due time of a campaign after `after_ms`."""
    sql = "SELECT min(due_ms) FROM campaign WHERE due_ms > :after"
    return fetch_int(connection, sql, after=after_ms)
