"""The result file: a line for each device that has an outcome, so that a command can be gone on with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from fotapool.cli.client.failures import UsageError

HEADER = ["deviceId", "outcome", "message", "action", "account"]
_BLOCK = 65_536
Result = tuple[str, str, str]
"""Device, outcome, message."""


class ResultFile:
    """Appends the outcomes of one action on one account. Each call is on its way to the disk when it returns."""

    def __init__(self, path: Path, action: str, account: str) -> None:
        self.path = path
        self._of = [action, account]
        self._file: IO[str] | None = None

    def begin(self) -> None:
        """A new file. Raises UsageError if there is one."""
        try:
            self._file = self.path.open("x", encoding="utf-8", newline="")
        except FileExistsError as error:
            raise UsageError(
                f"{self.path} exists", "Go on with what it has by --resume, or name another file."
            ) from error
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}") from error
        self._file.write(",".join(HEADER) + "\n")
        self._file.flush()

    def resume(self) -> dict[str, str]:
        """The outcomes of an earlier run, by device; a last line that was not finished is taken away.

        Raises UsageError if the file is of another action or account.
        """
        if not self.path.exists():
            self.begin()
            return {}
        try:
            _cut_after_last_line(self.path)
            with self.path.open(encoding="utf-8", newline="") as file:
                found = self._read(file)
            self._file = self.path.open("a", encoding="utf-8", newline="")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{self.path} cannot be gone on with: {error}", "Name another file.") from error
        if self._file.tell() == 0:
            self._file.write(",".join(HEADER) + "\n")
        return found

    def _read(self, file: IO[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        rows = csv.reader(file)
        header = next(rows, HEADER)
        if header != HEADER:
            raise UsageError(
                f"{self.path} is no result file: its first line is not {','.join(HEADER)}", "Name another file."
            )
        for row in rows:
            if row[3:] != self._of:
                raise UsageError(
                    f"{self.path} has results of {' '.join(row[3:])}, and not of {' '.join(self._of)}",
                    "Name another file.",
                )
            found[row[0]] = row[1]
        return found

    def write(self, results: Iterable[Result]) -> None:
        """Raises UsageError if the disk does not take them."""
        assert self._file is not None
        text = io.StringIO()
        action, account = self._of
        rows = [(device, outcome, message, action, account) for device, outcome, message in results]
        csv.writer(text, lineterminator="\n").writerows(rows)
        try:
            self._file.write(text.getvalue())
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"{self.path} cannot be written: {error.strerror}", "Make room, then go on by --resume."
            ) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _cut_after_last_line(path: Path) -> None:
    """A run that was killed may have left half a line."""
    with path.open("rb+") as file:
        end = file.seek(0, io.SEEK_END)
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                file.truncate(start + found + 1)
                return
            end = start
        file.truncate(0)
