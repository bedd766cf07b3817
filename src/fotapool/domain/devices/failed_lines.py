"""Lines of a file that could not be processed, as a table to fix and send again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fotapool.domain.devices.columns import ID, REPORT_COLUMNS

MAX_FAILED_LINES = 10_000
MAX_FAILED_CHARS = 4 * 1024 * 1024
"""How many failed lines, and characters of them, are stored; further ones are counted."""
MAX_VALUE_CHARS = 100


@dataclass(frozen=True, slots=True)
class FailedLine:
    """A failed line: its number in the file (0 if it is unknown), the wrong value, the reason, and its cells."""

    line: int
    value: str
    reason: str
    original: dict[str, str]
    """The line's cells by the name of their column."""

    @property
    def chars(self) -> int:
        """The size of the line."""
        return len(self.value) + len(self.reason) + sum(len(name) + len(cell) for name, cell in self.original.items())


class FailedLines:
    """The failed lines of a file, up to MAX_FAILED_LINES and MAX_FAILED_CHARS."""

    def __init__(self) -> None:
        self.lines: list[FailedLine] = []
        self.count = 0
        """All failed lines, those that are not stored as well."""
        self._chars = 0

    def add(self, line: int, value: str, reason: str, original: Mapping[str, str]) -> None:
        """Stores a failed line, or counts it if there are too many."""
        self.count += 1
        if len(self.lines) >= MAX_FAILED_LINES:
            return
        cells = {_printable(name): _printable(cell) for name, cell in original.items()}
        failed = FailedLine(line, _printable(value[:MAX_VALUE_CHARS]), reason, cells)
        if self._chars + failed.chars <= MAX_FAILED_CHARS:
            self._chars += failed.chars
            self.lines.append(failed)

    @property
    def further(self) -> int:
        """The number of failed lines that are not stored."""
        return self.count - len(self.lines)

    def rows(self) -> Iterator[list[object]]:
        """The header, and a row for each failed line, by line."""
        names = dict.fromkeys([ID, *(name for failed in self.lines for name in failed.original)])
        yield [*REPORT_COLUMNS, *names]
        for failed in sorted(self.lines, key=lambda one: one.line):
            cells = [failed.original.get(name, "") for name in names]
            yield [failed.line or "", failed.value, failed.reason, *cells]


def _printable(text: str) -> str:
    """The text without control characters, which databases and spreadsheets do not take."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
