"""Counts attempts with unknown operator keys in memory, so that they cost no transaction each."""

from __future__ import annotations

from fotapool.store.audit_log import MAX_REFUSED_A_MINUTE, AuditEntry


class WrongKeys:
    """The attempts of each minute, way and address since they were last drained."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int | None, str, str], AuditEntry] = {}

    def add(self, entry: AuditEntry) -> None:
        """Counts the attempts of the entry; beyond so many addresses, without their address."""
        key = entry.refused_minute, entry.via, entry.address
        if key not in self._entries and len(self._entries) >= MAX_REFUSED_A_MINUTE:
            entry = entry._replace(address="")
            key = entry.refused_minute, entry.via, ""
        counted = self._entries.get(key)
        if counted is None:
            self._entries[key] = entry
        else:
            self._entries[key] = counted._replace(attempts=counted.attempts + entry.attempts, last_ms=entry.last_ms)

    def drain(self) -> list[AuditEntry]:
        """Returns all entries and clears them."""
        entries, self._entries = self._entries, {}
        return list(entries.values())
