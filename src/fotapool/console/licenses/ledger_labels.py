"""The console's words for what the ledger says: what happened to a license, why, and what a request did."""

from __future__ import annotations

import json
from typing import Any

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.licenses.ledger_views import ChangeRow

KINDS: dict[str, tuple[str, frozenset[EntryKind]]] = {
    "assigned": ("assigned", frozenset({EntryKind.ASSIGNED, EntryKind.IMPORTED})),
    "removed": ("removed", frozenset({EntryKind.REMOVED})),
    "reclaimed": (
        "reclaimed",
        frozenset({EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST, EntryKind.NOTICE_ENDED}),
    ),
    "notice": ("put under notice", frozenset({EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST})),
    "withdrawn": ("notice withdrawn", frozenset({EntryKind.NOTICE_WITHDRAWN})),
}
"""The filter's words, what they are called, and the kinds of entries they stand for."""
_NAMES = {kind: words for words, kinds in KINDS.values() for kind in kinds}


def what(kind: int) -> str:
    """What happened to the license."""
    return _NAMES[EntryKind(kind)]


def why(kind: int, change: ChangeRow) -> str:
    """Why it happened, in plain words."""
    detail: dict[str, Any] = json.loads(change.detail)
    reason = EntryKind(kind).why
    if change.verb == "change subscription" and "before" in detail and "after" in detail:
        word = "reduced" if detail["after"] < detail["before"] else "raised"
        told = f"subscription {word} from {detail['before']} to {detail['after']}"
        return reason.replace(f"subscription {word}", told, 1)
    if change.verb == "assign for campaign":
        return "needed by a campaign that assigns licenses"
    if change.verb == "copy account":
        return f"copied from account {detail.get('of', '')}"
    return reason


def campaign_of(change: ChangeRow) -> str | None:
    """The campaign that the change was about, as its UUID."""
    found = json.loads(change.detail).get("campaign")
    return found if isinstance(found, str) else None


def did(change: ChangeRow) -> str:
    """What the request did, in plain words."""
    detail: dict[str, Any] = json.loads(change.detail)
    if change.verb == "change subscription" and "before" in detail and "after" in detail:
        return f"change subscription from {detail['before']} to {detail['after']}"
    others = [f"{name} {value}" for name, value in detail.items() if name != "campaign"]
    return f"{change.verb} ({', '.join(others)})" if others else change.verb
