"""Labels for the ledger and the audit log: the change of a license, its reason, and what a request changed."""

from __future__ import annotations

import json
from typing import Any

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.licenses.ledger_views import ChangeRow, EntryRow

KINDS: dict[str, tuple[str, frozenset[EntryKind]]] = {
    "assigned": ("assigned", frozenset({EntryKind.ASSIGNED, EntryKind.IMPORTED})),
    "restored": ("restored", frozenset({EntryKind.RESTORED})),
    "removed": ("removed", frozenset({EntryKind.REMOVED})),
    "reclaimed": (
        "reclaimed",
        frozenset({EntryKind.RECLAIMED_CANDIDATE, EntryKind.RECLAIMED_OLDEST, EntryKind.NOTICE_ENDED}),
    ),
    "notice": ("marked for removal", frozenset({EntryKind.NOTICE_CANDIDATE, EntryKind.NOTICE_OLDEST})),
    "withdrawn": ("removal canceled", frozenset({EntryKind.NOTICE_WITHDRAWN})),
    "deleted": (
        "device deleted",
        frozenset({EntryKind.DELETED, EntryKind.DELETED_LICENSED, EntryKind.DELETED_KEPT}),
    ),
    "moved": ("device moved", frozenset({EntryKind.MOVED, EntryKind.MOVED_LICENSED, EntryKind.MOVED_KEPT})),
    "arrived": ("device moved here", frozenset({EntryKind.ARRIVED})),
}
"""The filter's values with their labels and the kinds of entries that they select."""
_LABELS = {kind: label for label, kinds in KINDS.values() for kind in kinds}


def change_label(kind: int) -> str:
    """What changed about the license."""
    return _LABELS[EntryKind(kind)]


def reason_label(kind: int, change: ChangeRow) -> str:
    """Why the license changed."""
    if change.verb == "assign for campaign":
        return "needed by a campaign that assigns licenses"
    detail: dict[str, Any] = json.loads(change.detail)
    if change.verb == "copy account":
        return f"copied from account {detail.get('of', '')}"
    if change.verb == "undo reduction":
        return f"change {detail.get('undone')}, which took it, was undone"
    reason = EntryKind(kind).why
    if change.verb == "change subscription" and "before" in detail and "after" in detail:
        short = f"subscription {'reduced' if detail['after'] < detail['before'] else 'raised'}"
        return reason.replace(short, f"{short} from {detail['before']:,} to {detail['after']:,}", 1)
    return reason


def campaign_of(change: ChangeRow) -> str | None:
    """The UUID of the campaign that the change belongs to."""
    uuid = json.loads(change.detail).get("campaign")
    return uuid if isinstance(uuid, str) else None


def request_label(change: ChangeRow) -> str:
    """What the request changed."""
    detail: dict[str, Any] = json.loads(change.detail)
    if change.verb == "change subscription" and "before" in detail and "after" in detail:
        return f"change subscription from {detail['before']:,} to {detail['after']:,}"
    others = [f"{name} {value}" for name, value in detail.items() if name != "campaign"]
    return f"{change.verb} ({', '.join(others)})" if others else change.verb


def assigned_before(entry: EntryRow) -> int:
    """The number of assigned licenses before the entry."""
    return entry.used_after - EntryKind(entry.kind).delta
