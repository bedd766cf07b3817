"""One device and what happened to it: licensed, scheduled, upgraded, reclaimed; with who, when and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from fotapool.domain.campaigns.upgrades import Reason, Upgrade
from fotapool.domain.devices.timelines import REDUCTIONS, EntryFacts, TimelineEvent, license_event, upgrade_events
from fotapool.domain.errors import NotFound
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import with_contact
from fotapool.services.devices.logs import list_check_ins
from fotapool.store.campaigns.upgrades import read_device_upgrades
from fotapool.store.db.connection import Connection
from fotapool.store.devices import timelines as store
from fotapool.store.devices.devices import OperatorDeviceRow
from fotapool.store.devices.logs import CheckIn
from fotapool.store.devices.search import read_operator_rows
from fotapool.store.simulation import read_fleets

MAX_ENTRIES = 200
"""How many entries of the ledger a timeline goes back."""
MAX_UPGRADES = 50
MAX_PLACES = 10
"""Of how many reductions the place in line is looked up."""
CHECK_INS_SHOWN = 20

_GIVEN = frozenset({EntryKind.ASSIGNED, EntryKind.IMPORTED})


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened, who did it by which request (empty where that is not on record), and the campaign."""

    moment: TimelineEvent
    actor: str = ""
    request_id: str = ""
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The device as it is, and what happened to it, newest first. `complete`: nothing older was left out."""

    device: OperatorDeviceRow
    candidate_place: int | None
    told: list[Told]
    complete: bool
    check_ins: list[CheckIn]


async def read_timeline(context: Context, caller: Caller, device: int, words_of: Callable[[Reason], str]) -> Timeline:
    """Raises NotFound for a device that is not the account's. `words_of` says why an upgrade is in its state."""
    now_ms = context.clock.now_ms()

    def read(connection: Connection) -> Timeline:
        rows = read_operator_rows(connection, caller.account_id, [device])
        if not rows:
            raise NotFound(f"device {format_device_id(device)} is not a device of account {caller.account_name}")
        row = with_contact(rows, read_fleets(connection, caller.account_id), now_ms)[0]
        entries = store.read_device_entries(connection, caller.account_id, device, MAX_ENTRIES)
        upgrades = read_device_upgrades(connection, caller.account_id, device, MAX_UPGRADES)
        told = _upgrades(connection, upgrades, words_of)
        told += _licenses(connection, caller.account_id, device, entries)
        told.append(Told(TimelineEvent(row.created_ms, "added", "added to the account")))
        order = count()
        told = [one for _, _, one in sorted((-one.moment.at_ms, next(order), one) for one in told)]
        complete = len(entries) < MAX_ENTRIES and len(upgrades) < MAX_UPGRADES
        place = store.read_candidate_place(connection, caller.account_id, device)
        return Timeline(device=row, candidate_place=place, told=told, complete=complete, check_ins=[])

    found = await context.reader.long(read)
    check_ins = await list_check_ins(context, caller, device)
    return Timeline(
        device=found.device,
        candidate_place=found.candidate_place,
        told=found.told,
        complete=found.complete,
        check_ins=check_ins[:CHECK_INS_SHOWN],
    )


def _licenses(
    connection: Connection, account_id: int, device: int, newest_first: Sequence[store.DeviceEntry]
) -> list[Told]:
    """Walks the entries from the oldest on, so that it is known since when each license that goes was held."""
    notices = store.read_device_notices(connection, account_id, device, MAX_ENTRIES)
    held = store.read_license_place(connection, account_id, device)
    reductions = [entry.number for entry in newest_first if EntryKind(entry.kind) in REDUCTIONS][:MAX_PLACES]
    assigned_ms: int | None = None
    imported_ms: int | None = None
    told: list[Told] = []
    for entry in reversed(newest_first):
        kind = EntryKind(entry.kind)
        if kind in _GIVEN:
            known = held is not None and held[0] == entry.number
            assigned_ms = held[1] if held and known else entry.at_ms if kind is EntryKind.ASSIGNED else None
            imported_ms = entry.at_ms if assigned_ms is None else None
        own = kind is EntryKind.IMPORTED and assigned_ms == entry.at_ms  # "imported" has said it
        facts = EntryFacts(
            kind=kind,
            verb=entry.verb,
            detail=json.loads(entry.detail),
            place=store.read_place(connection, account_id, entry) if entry.number in reductions else None,
            assigned_ms=None if own else assigned_ms,
            imported_ms=imported_ms,
            notice_until_ms=notices.get(entry.at_ms),
        )
        told.append(Told(license_event(entry.at_ms, facts), entry.actor, entry.request_id))
    return told[::-1]


def _upgrades(connection: Connection, newest_first: Sequence[Upgrade], words_of: Callable[[Reason], str]) -> list[Told]:
    campaigns = {upgrade.campaign_id for upgrade in newest_first if upgrade.campaign_id}
    installing = store.read_installing(connection, sorted(campaigns))
    told: list[Told] = []
    for upgrade in newest_first:
        campaign = installing.get(upgrade.campaign_id)
        subject = "set by the operator, outside of any campaign" if campaign is None else _subject(campaign)
        moments = upgrade_events(upgrade, subject, words_of(Reason(upgrade.reason)))
        told += [Told(moment, campaign=campaign.uuid if campaign else "") for moment in reversed(moments)]
    return told


def _subject(campaign: store.Installing) -> str:
    versions = f" (firmware {campaign.from_version} to {campaign.to_version})" if campaign.to_version else ""
    named = f"campaign {campaign.name}, " if campaign.name else ""
    return f"{named}{campaign.subject}{versions}"
