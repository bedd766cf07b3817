"""Descriptions of the events of a clock advance. Pure."""

from __future__ import annotations

import msgspec

from fotapool.console.app.rendering import plural
from fotapool.worker.runner import ClockEvent

_TEXTS = {
    "devices checked": "{devices} checked for the campaign.",
    "campaign checked": "Campaign accepted: its last {devices} checked.",
    "campaign rejected": "Campaign rejected: none of its devices is eligible.",
    "campaign canceled": "Campaign canceled: it has no devices left.",
    "campaign prescheduled": "Campaign prescheduled: the network looks for its devices.",
    "campaign waits for its start": "Campaign scheduled.",
    "campaign started": "Campaign started.",
    "devices planned": "{devices} scheduled.",
    "devices joined": "{devices} enrolled.",
    "devices acted": "{devices} attempted or reported.",
    "devices not reached": "{devices} not reached before the end of the campaign.",
    "campaign ended": "Campaign ended.",
    "upgrades canceled": "Upgrades of {devices} canceled with the campaign.",
    "devices did not report": "{devices} failed: no result reported.",
    "notice ended": "Notice ended, license removed: {devices}.",
    "subscription changed": "Subscription changed as scheduled: {devices} affected.",
    "scheduled change failed": "Scheduled change of the subscription failed.",
    "firmware reported": "{devices} reported their firmware.",
    "callbacks delivered": "{callbacks} delivered.",
    "callback failed": "{callbacks} failed, will retry.",
}


class ClockEventLine(msgspec.Struct, frozen=True):
    """An event at a time (ms), with the names that it links to."""

    at_ms: int
    text: str
    account: str
    campaign: str | None
    devices: list[str]
    more: int
    """How many devices are not in `devices`."""


def describe_event(what: str, count: int) -> str:
    """The text for a kind of event; of an unknown kind its own name."""
    form = _TEXTS.get(what, what[:1].upper() + what[1:] + (": {devices}." if count else "."))
    return form.format(devices=plural(count, "device"), callbacks=plural(count, "callback"))


def describe_events(events: list[ClockEvent], names: dict[int, str], shown_devices: int) -> list[ClockEventLine]:
    """All events, in order. `names`: of the accounts by id. Each line names its first `shown_devices` devices."""
    return [
        ClockEventLine(
            at_ms=one.at_ms,
            text=describe_event(one.what, one.count),
            account=names.get(one.account_id, ""),
            campaign=one.campaign,
            devices=one.devices[:shown_devices],
            more=one.count - len(one.devices[:shown_devices]) if one.devices else 0,
        )
        for one in events
    ]
