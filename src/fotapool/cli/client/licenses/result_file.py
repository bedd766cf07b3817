"""The result file: one line for each device that has an outcome, so that a command can be resumed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.licenses.outcomes import Result

HEADER = ["deviceId", "outcome", "message", "action", "account"]
_BLOCK = 65_536


class ResultFile:
    """The outcomes of one action on one account. `write` flushes before it returns."""

    def __init__(self, path: Path, action: str, account: str) -> None:
        self.path = path
        self._subject = [action, account]
        self._file: IO[str] | None = None

    def create(self) -> None:
        """Creates the file. Raises UsageError if it exists."""
        try:
            self._file = self.path.open("x", encoding="utf-8", newline="")
        except FileExistsError as error:
            raise UsageError(f"{self.path} exists", "Resume it with --resume, or name another file.") from error
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}") from error
        self._file.write(",".join(HEADER) + "\n")
        self._file.flush()

    def resume(self) -> dict[str, str]:
        """Opens the file and returns the outcomes of earlier runs, by device. An incomplete last line is removed.

        Raises UsageError if the file is for another action or account.
        """
        if not self.path.exists():
            self.create()
            return {}
        try:
            _cut_after_last_line(self.path)
            with self.path.open(encoding="utf-8", newline="") as file:
                found = self._read(file)
            self._file = self.path.open("a", encoding="utf-8", newline="")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{self.path} cannot be resumed: {error}", "Name another file.") from error
        if self.path.stat().st_size == 0:
            self._file.write(",".join(HEADER) + "\n")
        return found

    def _read(self, file: IO[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        rows = csv.reader(file)
        header = next(rows, HEADER)
        if header != HEADER:
            raise UsageError(
                f"{self.path} is not a result file: its first line is not {','.join(HEADER)}", "Name another file."
            )
        for row in rows:
            if row[3:] != self._subject:
                raise UsageError(
                    f"{self.path} has results of {' '.join(row[3:])}, not of {' '.join(self._subject)}",
                    "Name another file.",
                )
            found[row[0]] = row[1]
        return found

    def write(self, results: Iterable[Result]) -> None:
        """Raises UsageError if the file cannot be written."""
        assert self._file is not None
        text = io.StringIO()
        action, account = self._subject
        rows = [(device, outcome, message, action, account) for device, outcome, message in results]
        csv.writer(text, lineterminator="\n").writerows(rows)
        try:
            self._file.write(text.getvalue())
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"{self.path} cannot be written: {error.strerror}", "Free some space, then use --resume."
            ) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _cut_after_last_line(path: Path) -> None:
    """Truncates the file after its last complete line: a killed run may have left a part of one."""
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
