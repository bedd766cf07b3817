"""What happened while the clock moved, in sentences. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.console.app.rendering import plural
from fotapool.worker.runner import ClockEvent

_OF_CAMPAIGN = {
    "devices checked": "{devices} checked for the campaign.",
    "campaign checked": "The last {devices} of the campaign checked: it is accepted.",
    "campaign rejected": "The campaign was rejected: none of its devices may take part.",
    "campaign canceled": "The campaign was canceled: it has no devices left.",
    "campaign prescheduled": "The campaign was prescheduled: the network looks for its devices.",
    "campaign waits for its start": "The campaign is scheduled and waits for its start.",
    "campaign started": "The campaign started.",
    "devices planned": "It was planned when to try {devices}.",
    "devices joined": "{devices} like the campaign's joined it.",
    "devices acted": "It was the turn of {devices}, to be tried or to report.",
    "devices not reached": "Not reached before the campaign's end: {devices}.",
    "campaign ended": "The campaign ended.",
    "upgrades canceled": "Canceled with the campaign: the part of {devices} in it.",
    "devices did not report": "Given up, since no end was reported: {devices}.",
}
_OTHERS = {
    "notice ended": "The notice ended, and the license was taken: {devices}.",
    "firmware reported": "{devices} reported their firmware.",
    "callbacks delivered": "{callbacks} delivered.",
    "callback failed": "Failed, to be tried again: {callbacks}.",
}
_SENTENCES = _OF_CAMPAIGN | _OTHERS


@dataclass(frozen=True, slots=True)
class ClockEventLine:
    """A sentence about a moment (ms), with what it can link to."""

    at_ms: int
    words: str
    account: str
    campaign: str | None
    devices: list[str]
    more: int
    """How many devices there are beyond those named."""


def sentence(what: str, count: int) -> str:
    """In plain words; what is not known here is said in the engine's own."""
    form = _SENTENCES.get(what, what[:1].upper() + what[1:] + (": {devices}." if count else "."))
    return form.format(devices=plural(count, "device"), callbacks=plural(count, "callback"))


def tell(happened: list[ClockEvent], names: dict[int, str], shown_devices: int) -> list[ClockEventLine]:
    """All of it, in order. `names`: of the accounts by id; the first `shown_devices` devices of each are named."""
    return [
        ClockEventLine(
            at_ms=one.at_ms,
            words=sentence(one.what, one.count),
            account=names.get(one.account_id, ""),
            campaign=one.campaign,
            devices=one.devices[:shown_devices],
            more=one.count - len(one.devices[:shown_devices]) if one.devices else 0,
        )
        for one in happened
    ]
