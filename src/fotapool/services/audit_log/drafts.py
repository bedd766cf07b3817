"""The entry of an operation while it runs: who, from where and what; the service adds before and after."""

from __future__ import annotations

import enum
import json
import os
import pwd
from collections.abc import Mapping
from typing import Any

import msgspec

from fotapool.core.timestamps import MINUTE_MS
from fotapool.store.audit_log import AuditEntry, record_entry, record_entry_extended
from fotapool.store.db.connection import Connection

MASKED = "***"
"""What an entry has in place of a secret."""
MAX_NAME = 200
"""Maximum length of the texts of an entry, in characters."""
MAX_REASON = 500
MAX_VALUE = 300
"""Maximum length of a text within `before` and `after`, in characters."""
MAX_ITEMS = 20
"""Maximum number of elements of a list, and of members of an object, within `before` and `after`."""
MAX_JSON_BYTES = 4096
"""Maximum size of `before` and of `after`, each."""
_MAX_DEPTH = 4

Values = Mapping[str, Any]


class Via(enum.StrEnum):
    """The way by which something was changed."""

    OPERATOR_API = "operator-api"
    CONSOLE = "console"
    COMMAND = "command"
    SERVER = "server"
    """The server did it by itself."""


class AuditDraft(msgspec.Struct, eq=False):
    """What will become one entry of the audit log.

    `changes` is False for an operation that only reads: of it, only a refusal because of the role is recorded.
    """

    operator: str
    role: str
    via: Via
    address: str
    request_id: str
    action: str
    changes: bool = True
    account: str = ""
    target_kind: str = ""
    target: str = ""
    before: Values | None = None
    after: Values | None = None
    refused_status: int = 0
    """The HTTP status of the refusal if it is not the response's; 0 for none."""
    reason: str = ""
    is_recorded: bool = False
    _entry_id: int | None = None
    _committed_id: int | None = None

    def about(self, kind: str, name: str, account: str | None = None) -> None:
        """Sets the target, also for a refusal. An account is its own target's account."""
        self.target_kind, self.target = kind, name
        if account is not None or kind == "account":
            self.account = name if account is None else account

    def describe(self, before: Values | None = None, after: Values | None = None) -> None:
        """Sets the members before and after; those that are the same are left out. Secrets must be MASKED."""
        self.before, self.after = before, after
        if before is not None and after is not None:
            same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
            self.before = {name: value for name, value in before.items() if name not in same}
            self.after = {name: value for name, value in after.items() if name not in same}

    def reads_only(self) -> None:
        """Says that this call of the operation changes nothing, as a preview."""
        self.changes = False

    def record(
        self, connection: Connection, now_ms: int, before: Values | None = None, after: Values | None = None
    ) -> None:
        """Writes the entry in the transaction of the change. Secrets must be MASKED.

        Call it last in the transaction: a command must not write before it may be rejected. After `committed`, it
        writes to the same entry.
        """
        if (before, after) != (None, None):
            self.describe(before, after)
        self.is_recorded = True
        entry = self.entry(now_ms)
        if self._committed_id is not None:
            record_entry_extended(connection, self._committed_id, entry)
        else:
            self._entry_id = record_entry(connection, entry)

    def committed(self) -> None:
        """Says that the transaction was committed, for an operation of several transactions."""
        self._committed_id = self._entry_id

    def entry(self, now_ms: int, status: int | None = None) -> AuditEntry:
        """The entry; with a status, about a refusal."""
        return AuditEntry(
            at_ms=now_ms,
            operator=cut(self.operator),
            role=self.role,
            via=self.via.value,
            address=cut(self.address),
            request_id=cut(self.request_id),
            action=cut(self.action),
            account=cut(self.account),
            target_kind=self.target_kind,
            target=cut(self.target),
            before_json=_json_of(self.before),
            after_json=_json_of(self.after),
            status=status,
            reason=cut(self.reason, MAX_REASON),
            refused_minute=None if status is None else now_ms // MINUTE_MS,
            attempts=1,
            last_ms=now_ms,
        )


class _NotAudited(AuditDraft):
    """The draft of requests that the audit log does not have: the ledger has what users and the worker change."""

    def about(self, kind: str, name: str, account: str | None = None) -> None: ...

    def describe(self, before: Values | None = None, after: Values | None = None) -> None: ...

    def reads_only(self) -> None: ...

    def record(
        self, connection: Connection, now_ms: int, before: Values | None = None, after: Values | None = None
    ) -> None: ...

    def committed(self) -> None: ...


NOT_AUDITED: AuditDraft = _NotAudited(
    operator="", role="", via=Via.OPERATOR_API, address="", request_id="", action="", changes=False
)


def command_draft(action: str) -> AuditDraft:
    """The draft of a command on this machine, by the user of the operating system who runs it."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # as in a container that runs with a number of its own
        user = str(os.geteuid())
    return AuditDraft(operator=user, role="", via=Via.COMMAND, address="", request_id="", action=action)


def cut(text: str, limit: int = MAX_NAME) -> str:
    """The text as both databases can store it, of at most `limit` characters."""
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _json_of(values: Values | None) -> str | None:
    """The values as JSON of at most MAX_JSON_BYTES: long texts and lists are shortened, then members left out."""
    if values is None:
        return None
    short: dict[str, Any] = _shortened(dict(values), 0)
    left_out = 0
    while len(text := _dumps(short, left_out)) > MAX_JSON_BYTES:
        short.popitem()
        left_out += 1
    return text


def _dumps(values: dict[str, Any], left_out: int) -> str:
    shown = {**values, "…": f"{left_out} members left out"} if left_out else values
    return json.dumps(shown, separators=(",", ":"), default=str)


def _shortened(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, MAX_VALUE)
    if isinstance(value, Mapping):
        if depth == _MAX_DEPTH:
            return "…"
        items = list(value.items())
        kept = {cut(str(name)): _shortened(one, depth + 1) for name, one in items[:MAX_ITEMS]}
        return {**kept, "…": f"{len(items) - MAX_ITEMS} more"} if len(items) > MAX_ITEMS else kept
    if isinstance(value, list | tuple):
        if depth == _MAX_DEPTH:
            return "…"
        kept_items = [_shortened(one, depth + 1) for one in value[:MAX_ITEMS]]
        return [*kept_items, f"… {len(value) - MAX_ITEMS} more"] if len(value) > MAX_ITEMS else kept_items
    return value
