"""Device lists of commands: from arguments, a file or standard input, checked before anything is sent."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.output import stderr_note
from fotapool.core.csv_export import csv_lines
from fotapool.domain.devices.columns import ID
from fotapool.domain.devices.device_lists import DeviceList, TooManyDevices, read_device_list
from fotapool.domain.devices.failed_lines import MAX_FAILED_LINES, FailedLines
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id

MAX_DEVICES = 10_000_000
MAX_BYTES = 500_000_000
BLOCK_BYTES = 1024 * 1024
MAX_SHOWN = 5
"""Malformed lines in a message."""
_ONLY_IMEIS = re.compile(rb"(?:[0-9]{15}\r?\n)*(?:[0-9]{15})?")
_DOUBLED = bytes.maketrans(b"0123456789", bytes(48 + doubled // 10 + doubled % 10 for doubled in range(0, 20, 2)))


def count_wrong_check_digits(devices: Sequence[str]) -> int:
    """How many IMEIs have a wrong check digit, by the Luhn algorithm.

    Sums column by column: one IMEI at a time, 100,000 would take as long as assigning them. The code of an ASCII digit
    is 48 too high; 15 times 48 is 0 modulo 10.
    """
    digits = "".join(devices).encode()
    columns = [digits[place::15].translate(_DOUBLED if place % 2 else None) for place in range(15)]
    return sum(1 for total in map(sum, zip(*columns, strict=True)) if total % 10)


class FailedLinesFile:
    """The file of `--failed-lines`, which is created when something failed. Without a path, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        if path is not None and path.exists():
            raise UsageError(f"{path} exists", "Name another file for the failed lines.")
        self._path = path

    def write(self, text: str, count: int) -> None:
        """Writes the CSV of so many failed lines. Raises UsageError."""
        if self._path is None or not count:
            return
        try:
            with self._path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written: {error.strerror}") from error
        limit = f" (the first {MAX_FAILED_LINES:,})" if count > MAX_FAILED_LINES else ""
        stderr_note(f"failed lines{limit} are in {self._path}: fix them and send that file")

    def write_lines(self, failed: FailedLines) -> None:
        """Writes the failed lines. Raises UsageError."""
        self.write(csv_lines(failed.rows()).decode(), failed.count)


def read_devices(given: Mapping[str, Any]) -> list[str]:
    """The devices that the options of `options.devices` give, with notes on standard error. Raises UsageError."""
    file = FailedLinesFile(given["failed_lines"])
    found = read_list(given, file)
    file.write_lines(found.failed)
    return list(found.devices)


def read_list(given: Mapping[str, Any], file: FailedLinesFile) -> DeviceList:
    """Like `read_devices`, with what failed.

    Raises UsageError, after it has written the failed lines, if there are some and they are not to be skipped.
    """
    arguments, path, skip_malformed = given["device"], given["path"], given["skip_malformed"]
    if path is None:
        found = _read_arguments(arguments)
    elif arguments:
        raise UsageError("give devices either as arguments or with --file, not both")
    else:
        found = _read_file(path)
    if not skip_malformed:
        file.write_lines(found.failed)
    _report(found, "argument" if path is None else "line", skip_malformed)
    if not found.devices:
        raise UsageError(
            "no devices were given", "Give IMEIs as arguments, or with --file devices.csv or --file - (standard input)."
        )
    return found


def _read_arguments(arguments: Sequence[str]) -> DeviceList:
    found = DeviceList()
    for number, text in enumerate(arguments, 1):
        if is_device_id(text):
            found.add(number, text)
        else:
            found.fail(number, text, {ID: text})
    return found


def _read_file(path: str) -> DeviceList:
    """A file of nothing but IMEIs, the usual case, is split at once; any other is read line by line."""
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else _read_bytes(Path(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"the file has more than {MAX_BYTES:,} bytes", "Split it.")
    try:
        if _ONLY_IMEIS.fullmatch(content):
            return _read_imeis(content)
        blocks = (content[start : start + BLOCK_BYTES] for start in range(0, len(content), BLOCK_BYTES))
        return read_device_list(blocks, MAX_DEVICES)
    except TooManyDevices as error:
        raise UsageError(f"more than {MAX_DEVICES:,} devices", "Split the file.") from error
    except Invalid as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _read_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _read_imeis(content: bytes) -> DeviceList:
    devices = content.decode().split()
    found = DeviceList(dict(zip(devices, itertools.count(1), strict=False)))
    if len(found.devices) < len(devices):
        found.devices.clear()
        for line, device in enumerate(devices, 1):
            found.add(line, device)
    return found


def _report(found: DeviceList, label: str, skip_malformed: bool) -> None:
    for note in found.notes:
        stderr_note(note)
    count = found.failed.count
    if count:
        listed = _listed([f"  {label} {one.line}: {one.reason}" for one in found.failed.lines], count)
        text = f"{count:,} values are not IMEIs of 15 digits:\n{listed}"
        if not skip_malformed:
            raise UsageError(text, "Nothing was sent. Correct them, or skip them with --skip-malformed.")
        stderr_note(f"skipped: {text}")
    if found.repeated_count:
        shown = [
            f"  {label} {one.line}: {one.device}, as {label} {one.first_line}" for one in found.repeated[:MAX_SHOWN]
        ]
        more = f"\n  … and {found.repeated_count - MAX_SHOWN:,} more" if found.repeated_count > MAX_SHOWN else ""
        stderr_note(
            f"{found.repeated_count:,} devices were given more than once; each is sent once:\n"
            + "\n".join(shown)
            + more
        )
    wrong_digits = count_wrong_check_digits(list(found.devices))
    if wrong_digits:
        stderr_note(f"{wrong_digits:,} of {len(found.devices):,} IMEIs have a wrong check digit; they are sent anyway")


def _listed(lines: Sequence[str], count: int) -> str:
    more = [f"  … and {count - MAX_SHOWN:,} more"] if count > MAX_SHOWN else []
    return "\n".join([*lines[:MAX_SHOWN], *more])


def in_batches(devices: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(devices), size):
        yield list(devices[start : start + size])
