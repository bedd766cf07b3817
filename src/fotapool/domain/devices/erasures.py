"""Erasing personal data of devices: what was erased, in numbers."""

from __future__ import annotations

from typing import NamedTuple


class Erased(NamedTuple):
    """What was erased: MDNs, log entries with their files, what devices said about failures, cells of skipped lines."""

    mdns: int = 0
    logs: int = 0
    failure_messages: int = 0
    list_lines: int = 0

    def plus(self, other: Erased) -> Erased:
        """The sum of both."""
        return Erased(*(one + more for one, more in zip(self, other, strict=True)))
