"""Campaigns: rows with what they install, lists of them, and which of them the engine is to look at."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from fotapool.domain.campaigns.campaigns import Artifact, Campaign, CampaignStatus, Flow, Windows
from fotapool.store.db.connection import Connection, Row
from fotapool.store.packages.artifacts import read_artifact

LEASE_MS = 30_000
"""How long a server may take over a campaign's step before another one tries it, on the database's own clock."""

_COLUMNS = (
    "c.id, c.uuid, c.account_id, c.flow, c.package_id, c.file_id, c.name, c.start_date, c.end_date, c.start_ms,"
    " c.end_ms, c.windows, c.auto_assign, c.auto_add, c.status, c.devices, c.scan_cursor, c.enroll_cursor,"
    " c.created_ms,"
    " c.updated_ms, c.ended_ms, c.due_ms"
)
_INSERTED = (
    "uuid, account_id, flow, package_id, file_id, name, start_date, end_date, start_ms, end_ms, windows, auto_assign,"
    " auto_add, status, devices, scan_cursor, enroll_cursor, created_ms, updated_ms, ended_ms, due_ms, leased_until_ms"
)
_UPDATED = (
    "start_date, end_date, start_ms, end_ms, windows, status, devices, scan_cursor, enroll_cursor, updated_ms,"
    " ended_ms,"
    " due_ms, leased_until_ms"
)
_NOT_ENDED = "ended_ms IS NULL AND auto_add = 1"


def read_campaign(connection: Connection, account_id: int, uuid: str) -> Campaign | None:
    """The account's campaign of that UUID."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM campaign c WHERE c.uuid = :uuid AND c.account_id = :account_id",
        {"uuid": uuid, "account_id": account_id},
    )
    return _campaigns(connection, rows)[0] if rows else None


def read_campaign_by_id(connection: Connection, campaign_id: int) -> Campaign | None:
    rows = connection.fetch(f"SELECT {_COLUMNS} FROM campaign c WHERE c.id = :id", {"id": campaign_id})
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
    """Campaigns in these states, oldest first: with ids above `after`, and of these without the first `skipped`.

    Those that ended before `since_ms` are left out.
    """
    wanted = ", ".join(str(int(status)) for status in sorted(statuses))
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM campaign c WHERE c.account_id = :account_id AND c.id > :after"
        f" AND c.status IN ({wanted}) AND (c.ended_ms IS NULL OR c.ended_ms >= :since)"
        " ORDER BY c.id LIMIT :limit OFFSET :skipped",
        {"account_id": account_id, "after": after, "since": since_ms, "limit": limit, "skipped": skipped},
    )
    return _campaigns(connection, rows)


def _campaigns(connection: Connection, rows: Sequence[Row]) -> list[Campaign]:
    keys = {(row[5] is not None, row[4] if row[5] is None else row[5]) for row in rows}
    subjects = {key: read_artifact(connection, *key) for key in keys}
    return [_campaign(row, subjects[row[5] is not None, row[4] if row[5] is None else row[5]]) for row in rows]


def _campaign(row: Row, subject: Artifact) -> Campaign:
    return Campaign(
        row[0],
        row[1],
        row[2],
        Flow(row[3]),
        subject,
        row[6],
        row[7],
        row[8],
        row[9],
        row[10],
        _windows(row[11]),
        bool(row[12]),
        bool(row[13]),
        CampaignStatus(row[14]),
        *row[15:],
    )


def _windows(text: str) -> Windows:
    parts = json.loads(text)
    download, install = (tuple((first, end) for first, end in parts[name]) for name in ("download", "install"))
    return Windows(download, install, parts["downloadAfter"], parts["installAfter"])


def _windows_text(windows: Windows) -> str:
    return json.dumps(
        {
            "download": windows.download,
            "install": windows.install,
            "downloadAfter": windows.download_after,
            "installAfter": windows.install_after,
        }
    )


def record_new_campaign(connection: Connection, campaign: Campaign) -> None:
    """Inserts the campaign and gives it its id."""
    subject = campaign.subject
    row = (
        campaign.uuid,
        campaign.account_id,
        int(campaign.flow),
        None if subject.is_file else subject.id,
        subject.id if subject.is_file else None,
        campaign.name,
        campaign.start_date,
        campaign.end_date,
        campaign.start_ms,
        campaign.end_ms,
        _windows_text(campaign.windows),
        int(campaign.auto_assign),
        int(campaign.auto_add),
        int(campaign.status),
        campaign.devices,
        campaign.scan_cursor,
        campaign.enroll_cursor,
        campaign.created_ms,
        campaign.updated_ms,
        campaign.ended_ms,
        campaign.due_ms,
        0,
    )
    connection.insert("campaign", _INSERTED, [row])
    found = connection.fetch("SELECT id FROM campaign WHERE uuid = :uuid", {"uuid": campaign.uuid})
    campaign.id = found[0][0]


def record_campaigns(connection: Connection, campaigns: Sequence[Campaign]) -> None:
    """Writes what may change of the campaigns, and ends their leases."""
    rows = [
        (
            campaign.id,
            campaign.start_date,
            campaign.end_date,
            campaign.start_ms,
            campaign.end_ms,
            _windows_text(campaign.windows),
            int(campaign.status),
            campaign.devices,
            campaign.scan_cursor,
            campaign.enroll_cursor,
            campaign.updated_ms,
            campaign.ended_ms,
            campaign.due_ms,
            0,
        )
        for campaign in campaigns
    ]
    connection.update_rows("campaign", "id", _UPDATED, rows)


def record_devices_changed(connection: Connection, account_id: int, now_ms: int, firmware: str | None = None) -> None:
    """Has the account's campaigns that take further devices look for them, since devices came or changed.

    `firmware` is the version that devices have now, if that is all that changed: other campaigns need not look.
    """
    from_version = "SELECT p.from_version FROM package p WHERE p.id = campaign.package_id"
    only = "" if firmware is None else f" AND ({from_version}) = :firmware"
    connection.execute(
        "UPDATE campaign SET enroll_cursor = -1, due_ms = CASE WHEN due_ms < :now THEN due_ms ELSE :now END"
        f" WHERE account_id = :account_id AND {_NOT_ENDED} AND status IN (3, 4, 5){only}",
        {"account_id": account_id, "now": now_ms} | ({} if firmware is None else {"firmware": firmware}),
    )


def claim_due_campaign(connection: Connection, now_ms: int) -> tuple[int, int] | None:
    """The campaign that has been due longest and that no other server is at: (id, account id), leased from now on."""
    words = connection.words
    rows = connection.fetch(
        f"UPDATE campaign SET leased_until_ms = {words['now_ms']} + {LEASE_MS} WHERE id ="
        f" (SELECT id FROM campaign WHERE due_ms <= :now AND leased_until_ms <= {words['now_ms']}"
        f" ORDER BY due_ms, id LIMIT 1 {words['skip_locked']}) RETURNING id, account_id",
        {"now": now_ms},
    )
    return (rows[0][0], rows[0][1]) if rows else None


def read_next_campaign_due(connection: Connection, after_ms: int) -> int | None:
    """The first moment after `after_ms` at which a campaign is due."""
    rows = connection.fetch("SELECT min(due_ms) FROM campaign WHERE due_ms > :after", {"after": after_ms})
    due_ms: int | None = rows[0][0]
    return due_ms
