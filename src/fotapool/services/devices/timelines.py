"""The timeline of one device: its licenses and upgrades, with time, actor and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from fotapool.domain.campaigns.upgrades import Reason, Upgrade
from fotapool.domain.devices.devices import NO_PROTOCOL
from fotapool.domain.devices.timelines import REDUCTIONS, EntryFacts, TimelineEvent, license_event, upgrade_events
from fotapool.domain.errors import NotFound
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import with_contact
from fotapool.services.devices.logs import list_check_ins
from fotapool.store.campaigns.upgrades import read_device_upgrades, read_failure_messages
from fotapool.store.db.connection import Connection
from fotapool.store.devices import timelines as store
from fotapool.store.devices.departures import DepartedDevice, read_departed
from fotapool.store.devices.devices import OperatorDeviceRow
from fotapool.store.devices.logs import CheckIn
from fotapool.store.devices.search import read_operator_rows
from fotapool.store.simulation import read_fleets

MAX_ENTRIES = 200
"""Maximum number of ledger entries of a timeline."""
MAX_UPGRADES = 50
MAX_PLACES = 10
"""Maximum number of reductions for which the device's place in line is read."""
CHECK_INS_SHOWN = 20

_GIVEN = frozenset({EntryKind.ASSIGNED, EntryKind.IMPORTED, EntryKind.RESTORED})


class TimelineEntry(msgspec.Struct, frozen=True):
    """An event, its actor and request (empty if not recorded), and its campaign."""

    event: TimelineEvent
    actor: str = ""
    request_id: str = ""
    campaign: str = ""


class Timeline(msgspec.Struct, frozen=True):
    """A device and its timeline, newest first; `complete` if no older entries were left out."""

    device: OperatorDeviceRow
    candidate_place: int | None
    entries: list[TimelineEntry]
    complete: bool
    check_ins: list[CheckIn]
    departed: DepartedDevice | None = None
    """Set if the device has left the account."""


async def read_timeline(context: Context, caller: Caller, device: int) -> Timeline:
    """The timeline of a device of the account, or of one that has left it. Raises NotFound."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> Timeline:
        rows = read_operator_rows(connection, caller.account_id, [device])
        departed = None if rows else read_departed(connection, caller.account_id, device)
        if departed is not None:
            rows = [_departed_row(departed)]
        if not rows:
            raise NotFound(f"device {format_device_id(device)} is not a device of account {caller.account_name}")
        row = with_contact(rows, read_fleets(connection, caller.account_id), now_ms)[0]
        entries = store.read_device_entries(connection, caller.account_id, device, MAX_ENTRIES)
        upgrades = read_device_upgrades(connection, caller.account_id, device, MAX_UPGRADES)
        messages = read_failure_messages(connection, caller.account_id, device)
        timeline = _upgrades(connection, upgrades, messages)
        timeline += _licenses(connection, caller.account_id, device, entries)
        timeline.append(TimelineEntry(TimelineEvent(row.created_ms, "added", "added to the account")))
        return Timeline(
            device=row,
            candidate_place=store.read_candidate_place(connection, caller.account_id, device),
            entries=sorted(timeline, key=lambda entry: -entry.event.at_ms),
            complete=len(entries) < MAX_ENTRIES and len(upgrades) < MAX_UPGRADES,
            check_ins=[],
            departed=departed,
        )

    found = await context.reader.long(read)
    if found.departed is not None:
        return found
    return replace(found, check_ins=(await list_check_ins(context, caller, device))[:CHECK_INS_SHOWN])


def _departed_row(departed: DepartedDevice) -> OperatorDeviceRow:
    """What is left of a device that has left the account: its IMEI and when it was added."""
    nothing: dict[str, Any] = dict.fromkeys(OperatorDeviceRow._fields)
    texts = dict.fromkeys(("make", "model", "firmware", "mdn"), "")
    status = "Moved" if departed.moved_to else "Deleted"
    known = {"imei": departed.imei, "created_ms": departed.added_ms, "protocol": NO_PROTOCOL, "status": status}
    return OperatorDeviceRow(**nothing | texts | known)


def _licenses(
    connection: Connection, account_id: int, device: int, newest_first: Sequence[store.DeviceEntry]
) -> list[TimelineEntry]:
    """The events of ledger entries, read from the oldest on to know since when each license was held."""
    notices = store.read_device_notices(connection, account_id, device, MAX_ENTRIES)
    license_place = store.read_license_place(connection, account_id, device)
    reductions = [entry.number for entry in newest_first if EntryKind(entry.kind) in REDUCTIONS][:MAX_PLACES]
    assigned_ms: int | None = None
    imported_ms: int | None = None
    found: list[TimelineEntry] = []
    for entry in reversed(newest_first):
        kind = EntryKind(entry.kind)
        if kind in _GIVEN:
            if license_place is not None and license_place[0] == entry.number:
                assigned_ms, imported_ms = license_place[1], None
            elif kind is EntryKind.ASSIGNED:
                assigned_ms, imported_ms = entry.at_ms, None
            elif kind is EntryKind.IMPORTED:
                assigned_ms, imported_ms = None, entry.at_ms
        own = kind is EntryKind.IMPORTED and assigned_ms == entry.at_ms  # the entry "imported" has this time
        facts = EntryFacts(
            kind=kind,
            verb=entry.verb,
            detail=json.loads(entry.detail),
            place=store.read_place(connection, account_id, entry) if entry.number in reductions else None,
            assigned_ms=None if own else assigned_ms,
            imported_ms=imported_ms,
            notice_until_ms=notices.get(entry.at_ms),
        )
        found.append(TimelineEntry(license_event(entry.at_ms, facts), entry.actor, entry.request_id))
    return found[::-1]


def _upgrades(
    connection: Connection, newest_first: Sequence[Upgrade], messages: Mapping[int, str]
) -> list[TimelineEntry]:
    campaigns = {upgrade.campaign_id for upgrade in newest_first if upgrade.campaign_id}
    installing = store.read_installing(connection, sorted(campaigns))
    found: list[TimelineEntry] = []
    for upgrade in newest_first:
        campaign = installing.get(upgrade.campaign_id)
        artifact = "set by the operator, outside of any campaign" if campaign is None else _subject(campaign)
        events = upgrade_events(upgrade, artifact, Reason(upgrade.reason).text, messages.get(upgrade.id, ""))
        found += [TimelineEntry(event, campaign=campaign.uuid if campaign else "") for event in reversed(events)]
    return found


def _subject(campaign: store.Installing) -> str:
    versions = f" (firmware {campaign.from_version} to {campaign.to_version})" if campaign.to_version else ""
    named = f"campaign {campaign.name}, " if campaign.name else ""
    return f"{named}{campaign.artifact}{versions}"
