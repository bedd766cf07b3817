"""The timeline of one device: sentences for its ledger entries, with their reasons, and for its upgrades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fotapool.core.timestamps import date_of
from fotapool.domain.campaigns.upgrades import OPEN, Upgrade, UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS

_ON_LIST = frozenset({EntryKind.RECLAIMED_CANDIDATE, EntryKind.NOTICE_CANDIDATE})
REDUCTIONS = _ON_LIST | {EntryKind.RECLAIMED_OLDEST, EntryKind.NOTICE_OLDEST}
"""Entries made by a reduction, in the order in which it visited the devices."""


_DEPARTURES = frozenset(kind for kind in EntryKind if kind >= EntryKind.DELETED_LICENSED)


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """A ledger entry of the device, with related facts; times in ms."""

    kind: EntryKind
    verb: str
    detail: Mapping[str, object]
    place: int | None = None
    """For an entry of a reduction: the position in which the reduction reached the device, from 1."""
    assigned_ms: int | None = None
    """When the license was assigned; None if that is not recorded."""
    imported_ms: int | None = None
    """When the device was imported as licensed, if the assignment time is not recorded."""
    notice_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of the device: timestamp (ms), a short label, and a sentence."""

    at_ms: int
    what: str
    sentence: str


def license_event(at_ms: int, facts: EntryFacts) -> TimelineEvent:
    """The event of a ledger entry, with its reason."""
    what, why = _describe(facts)
    return TimelineEvent(at_ms, what, f"{what}: {why}" if why else what)


def _describe(facts: EntryFacts) -> tuple[str, str]:
    kind, verb = facts.kind, facts.verb
    if kind is EntryKind.ASSIGNED:
        campaign = verb == "assign for campaign"
        return "licensed", "a campaign that assigns free licenses needed it" if campaign else "as requested"
    if kind is EntryKind.IMPORTED:
        origin = f"copied from account {facts.detail.get('of')}" if verb == "copy account" else "imported as licensed"
        return "licensed", origin if facts.assigned_ms is None else f"{origin}, {_assigned(facts)}"
    if kind is EntryKind.RESTORED:
        undone = facts.detail.get("undone")
        return "license restored", f"change {undone}, which had taken it, was undone, {_assigned(facts)}"
    if kind is EntryKind.REMOVED:
        return "license removed", f"as requested, {_assigned(facts)}"
    if kind in _DEPARTURES:
        return _describe_departure(facts)
    if kind is EntryKind.NOTICE_WITHDRAWN:
        return "removal canceled", f"{_change(facts, 'raised')}; the device keeps its license"
    if kind is EntryKind.NOTICE_ENDED:
        return "reclaimed", f"the pending removal of an earlier reduction took effect, {_assigned(facts)}"
    why = f"{_change(facts, 'reduced')}{_in_line(facts)}, {_on_list(kind)}, {_assigned(facts)}"
    if kind in (EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST):
        return "reclaimed", why
    date = f" on {day(facts.notice_until_ms)}" if facts.notice_until_ms is not None else ""
    return f"marked for removal{date}", f"{why}; an upgrade was in progress, so that the license goes later"


def _describe_departure(facts: EntryFacts) -> tuple[str, str]:
    """The device left the account, or came from another one."""
    kind = facts.kind
    if kind is EntryKind.ARRIVED:
        return "moved here", f"from account {facts.detail.get('of')}"
    is_deleted = kind in (EntryKind.DELETED, EntryKind.DELETED_LICENSED, EntryKind.DELETED_KEPT)
    what = "deleted" if is_deleted else "moved away"
    to = "" if is_deleted else f"to account {facts.detail.get('to')}, "
    if kind in (EntryKind.DELETED_LICENSED, EntryKind.MOVED_LICENSED):
        return what, f"{to}its license was removed, {_assigned(facts)}"
    if kind in (EntryKind.DELETED_KEPT, EntryKind.MOVED_KEPT):
        return what, f"{to}its license stays counted until it is reclaimed, {_assigned(facts)}"
    return what, f"{to}without a license"


def _change(facts: EntryFacts, word: str) -> str:
    before, after = facts.detail.get("before"), facts.detail.get("after")
    return f"subscription {word}" + (
        f" from {before:,} to {after:,}" if before is not None and after is not None else ""
    )


def _in_line(facts: EntryFacts) -> str:
    return "" if facts.place is None else f", {ordinal(facts.place)} in line"


def _on_list(kind: EntryKind) -> str:
    return "on the candidate list" if kind in _ON_LIST else "not on the candidate list"


def _assigned(facts: EntryFacts) -> str:
    if facts.imported_ms is not None:
        return f"imported as licensed {day(facts.imported_ms)}"
    if facts.assigned_ms is None:
        return "assigned before what is on record here"
    known = facts.assigned_ms != UNKNOWN_TIME_MS
    return f"assigned {day(facts.assigned_ms)}" if known else "assigned at an unknown time"


def upgrade_events(upgrade: Upgrade, artifact: str, reason: str, message: str = "") -> list[TimelineEvent]:
    """The events of an upgrade in order; `artifact` is what it installs, `reason` explains its state.

    `message` is what the device said about its failure.
    """
    status = UpgradeStatus(upgrade.status)
    events = [TimelineEvent(upgrade.scheduled_ms, "scheduled", f"scheduled: {artifact}")]
    if upgrade.started_ms is not None:
        events.append(TimelineEvent(upgrade.started_ms, "upgrade began", f"upgrade began: {artifact}"))
    ended_ms = upgrade.ended_ms if upgrade.ended_ms is not None else upgrade.updated_ms
    why = f": {artifact}" + (f"; {reason}" if reason else "") + (f"; the device said: {message}" if message else "")
    if status is UpgradeStatus.PENDING:
        return [TimelineEvent(upgrade.scheduled_ms, "named", f"named for an upgrade, to be checked: {artifact}")]
    if status is UpgradeStatus.REJECTED:
        return [TimelineEvent(ended_ms, "rejected", f"rejected by the checks of an upgrade{why}")]
    if status not in OPEN:
        what = {
            UpgradeStatus.COMPLETED: "upgraded",
            UpgradeStatus.FAILED: "upgrade failed",
            UpgradeStatus.CANCELED: "upgrade canceled",
        }[status]
        events.append(TimelineEvent(ended_ms, what, what + (f": {artifact}" if what == "upgraded" else why)))
    elif reason:
        events[-1] = TimelineEvent(events[-1].at_ms, events[-1].what, f"{events[-1].sentence}; {reason}")
    return events


def ordinal(number: int) -> str:
    """As in 1st, 2nd, 3rd, 11th, 41st."""
    teens = number % 100 in (11, 12, 13)
    return f"{number:,}" + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th"))


def day(timestamp_ms: int) -> str:
    """As in 2026-03-01, in UTC."""
    return date_of(timestamp_ms).isoformat()
