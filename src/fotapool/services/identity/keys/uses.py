"""The last uses of keys, noted in memory until the worker stores them: of each key at most one a minute."""

from __future__ import annotations

from fotapool.core.bounded import BoundedDict
from fotapool.domain.identity import KEY_USE_MS

MAX_NOTED = 10_000
"""Maximum number of keys whose last use a process remembers."""
MAX_WRITTEN = 1_000
"""Maximum number of uses that one transaction stores."""


class KeyUses:
    """The uses that are not stored yet, by table and key."""

    def __init__(self) -> None:
        self._noted: BoundedDict[bytes, int] = BoundedDict(MAX_NOTED)
        self._waiting: dict[tuple[str, bytes], int] = {}

    def note(self, table: str, key_hash: bytes, now_ms: int) -> None:
        """Notes a use, unless one of the last minute was noted, or too many wait to be stored."""
        noted_ms = self._noted.get(key_hash)
        if (noted_ms is None or not 0 <= now_ms - noted_ms < KEY_USE_MS) and len(self._waiting) < MAX_WRITTEN:
            self._noted[key_hash] = now_ms
            self._waiting[table, key_hash] = now_ms

    def drain(self) -> dict[str, dict[bytes, int]]:
        """The uses by table, which are no longer noted here."""
        waiting, self._waiting = self._waiting, {}
        by_table: dict[str, dict[bytes, int]] = {}
        for (table, key_hash), used_ms in waiting.items():
            by_table.setdefault(table, {})[key_hash] = used_ms
        return by_table

    def clear(self) -> None:
        """Forgets everything, for a reset."""
        self._noted.clear()
        self._waiting.clear()
