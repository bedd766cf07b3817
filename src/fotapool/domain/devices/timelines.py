"""The life of one device in plain sentences: its licenses with why they came and went, and its upgrades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fotapool.domain.campaigns.upgrades import OPEN, Upgrade, UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS

_ON_LIST = frozenset({EntryKind.RECLAIMED_CANDIDATE, EntryKind.NOTICE_CANDIDATE})
REDUCTIONS = _ON_LIST | {EntryKind.RECLAIMED_OLDEST, EntryKind.NOTICE_OLDEST}
"""Entries that have a place in a line."""


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """An entry of the ledger about the device, and what else is known of it; times in ms."""

    kind: EntryKind
    verb: str
    detail: Mapping[str, object]
    place: int | None = None
    """Of an entry of a reduction: as which one the device's license was taken or put under notice, from 1."""
    assigned_ms: int | None = None
    """Since when the device had held the license; None if that is not on record."""
    imported_ms: int | None = None
    """When the device was imported as licensed, if that is all that is known of since when it was."""
    notice_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One thing that happened to the device: when (ms), one word for it, and the sentence."""

    at_ms: int
    what: str
    sentence: str


def license_event(at_ms: int, facts: EntryFacts) -> TimelineEvent:
    """What an entry of the ledger says, with its reason."""
    what, why = _license_words(facts)
    return TimelineEvent(at_ms, what, f"{what}: {why}" if why else what)


def _license_words(facts: EntryFacts) -> tuple[str, str]:
    kind, verb = facts.kind, facts.verb
    if kind is EntryKind.ASSIGNED:
        campaign = verb == "assign for campaign"
        return "licensed", "a campaign that assigns free licenses needed it" if campaign else "as requested"
    if kind is EntryKind.IMPORTED:
        origin = f"copied from account {facts.detail.get('of')}" if verb == "copy account" else "imported as licensed"
        return "licensed", origin if facts.assigned_ms is None else f"{origin}, {_assigned(facts)}"
    if kind is EntryKind.REMOVED:
        return "license removed", f"as requested, {_assigned(facts)}"
    if kind is EntryKind.NOTICE_WITHDRAWN:
        return "notice withdrawn", f"{_change(facts, 'raised')}; the device keeps its license"
    if kind is EntryKind.NOTICE_ENDED:
        return "reclaimed", f"the notice that was given at a reduction of the subscription ended, {_assigned(facts)}"
    why = f"{_change(facts, 'reduced')}{_in_line(facts)}, {_on_list(kind)}, {_assigned(facts)}"
    if kind in (EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST):
        return "reclaimed", why
    until = f" until {day(facts.notice_until_ms)}" if facts.notice_until_ms is not None else ""
    return f"put under notice{until}", f"{why}; an upgrade was in progress, so that the license goes later"


def _change(facts: EntryFacts, word: str) -> str:
    before, after = facts.detail.get("before"), facts.detail.get("after")
    return f"subscription {word}" + (f" from {before} to {after}" if before is not None and after is not None else "")


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


def upgrade_events(upgrade: Upgrade, subject: str, reason: str) -> list[TimelineEvent]:
    """What happened in an upgrade, the first thing first: `subject` is what it installs, `reason` why it is so."""
    status = UpgradeStatus(upgrade.status)
    moments = [TimelineEvent(upgrade.scheduled_ms, "scheduled", f"scheduled: {subject}")]
    if upgrade.started_ms is not None:
        moments.append(TimelineEvent(upgrade.started_ms, "upgrade began", f"upgrade began: {subject}"))
    ended_ms = upgrade.ended_ms if upgrade.ended_ms is not None else upgrade.updated_ms
    why = f": {subject}" + (f"; {reason}" if reason else "")
    if status is UpgradeStatus.PENDING:
        return [TimelineEvent(upgrade.scheduled_ms, "named", f"named for an upgrade, to be checked: {subject}")]
    if status is UpgradeStatus.REJECTED:
        return [TimelineEvent(ended_ms, "rejected", f"rejected by the checks of an upgrade{why}")]
    if status not in OPEN:
        what = {
            UpgradeStatus.COMPLETED: "upgraded",
            UpgradeStatus.FAILED: "upgrade failed",
            UpgradeStatus.CANCELED: "upgrade canceled",
        }[status]
        moments.append(TimelineEvent(ended_ms, what, what + (f": {subject}" if what == "upgraded" else why)))
    elif reason:
        moments[-1] = TimelineEvent(moments[-1].at_ms, moments[-1].what, f"{moments[-1].sentence}; {reason}")
    return moments


def ordinal(number: int) -> str:
    """As in 1st, 2nd, 3rd, 11th, 41st."""
    teens = number % 100 in (11, 12, 13)
    return f"{number:,}" + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th"))


def day(timestamp_ms: int) -> str:
    """As in 2026-03-01, in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
