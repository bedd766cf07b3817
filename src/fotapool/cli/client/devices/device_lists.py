"""Device lists of commands: from arguments, a file or standard input, checked before anything is sent."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.output import stderr_note
from fotapool.domain.devices.device_lists import read_id_texts

MAX_DEVICES = 10_000_000
MAX_CHARACTERS = 500_000_000
MAX_SHOWN = 5
"""Malformed lines in a message."""
_IMEI = re.compile(r"[0-9]{15}")
_ONLY_IMEIS = re.compile(r"(?:[0-9]{15}\r?\n)*(?:[0-9]{15})?")
_DOUBLED = bytes.maketrans(b"0123456789", bytes(48 + doubled // 10 + doubled % 10 for doubled in range(0, 20, 2)))


@dataclass(slots=True)
class DeviceList:
    """The devices without duplicates, in order, and what was wrong with the input."""

    devices: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    """The first MAX_SHOWN malformed lines, with their position."""
    malformed_count: int = 0
    repeated: int = 0
    wrong_digits: int = 0


def count_wrong_check_digits(devices: Sequence[str]) -> int:
    """How many IMEIs have a wrong check digit, by the Luhn algorithm.

    Sums column by column: one IMEI at a time, 100,000 would take as long as assigning them. The code of an ASCII digit
    is 48 too high; 15 times 48 is 0 modulo 10.
    """
    digits = "".join(devices).encode()
    columns = [digits[place::15].translate(_DOUBLED if place % 2 else None) for place in range(15)]
    return sum(1 for total in map(sum, zip(*columns, strict=True)) if total % 10)


def read_devices(arguments: Sequence[str], path: str | None, skip_malformed: bool) -> list[str]:
    """The devices of the arguments or the file, with notes on standard error. Raises UsageError."""
    if path is None:
        found = collect(enumerate(arguments, 1), "argument")
    elif arguments:
        raise UsageError("give devices either as arguments or with --file, not both")
    else:
        with _opened(path) as file:
            found = _read(file)
    _report(found, skip_malformed)
    if not found.devices:
        raise UsageError(
            "no devices were given", "Give IMEIs as arguments, or with --file devices.csv or --file - (standard input)."
        )
    return found.devices


def _read(file: IO[str]) -> DeviceList:
    """A file of nothing but IMEIs, the usual case, is split at once; any other is read line by line."""
    try:
        text = file.read(MAX_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8 text", "Save it as CSV in UTF-8.") from error
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"the file has more than {MAX_CHARACTERS:,} characters", "Split it.")
    if _ONLY_IMEIS.fullmatch(text):
        return _without_duplicates(text.split(), DeviceList())
    return collect(read_id_texts(io.StringIO(text, newline=None), several=False), "line")


def collect(given: Iterable[tuple[int, str]], label: str) -> DeviceList:
    """The devices of pairs of number and text; `label` is what is numbered. Raises UsageError if there are too many."""
    found = DeviceList()
    good: list[str] = []
    is_imei = _IMEI.fullmatch
    for number, text in given:
        if is_imei(text):
            good.append(text)
            continue
        found.malformed_count += 1
        if len(found.malformed) < MAX_SHOWN:
            found.malformed.append(f"{label} {number}: {text[:40]!r}{_why(text)}")
    return _without_duplicates(good, found)


def _without_duplicates(given: list[str], found: DeviceList) -> DeviceList:
    if len(given) > MAX_DEVICES:
        raise UsageError(f"more than {MAX_DEVICES:,} devices", "Split the file.")
    found.devices = list(dict.fromkeys(given))
    found.repeated = len(given) - len(found.devices)
    found.wrong_digits = count_wrong_check_digits(found.devices)
    return found


def _why(text: str) -> str:
    if not text.isascii() or not text.isdigit():
        return " is not a number"
    if len(text) == 14:
        return " has no check digit"
    return f" has {len(text)} digits" + (
        ": an IMEISV, whose first 14 digits and a check digit are the IMEI" if len(text) == 16 else ""
    )


def _report(found: DeviceList, skip_malformed: bool) -> None:
    if found.malformed_count:
        more = f"\n  … and {found.malformed_count - MAX_SHOWN:,} more" if found.malformed_count > MAX_SHOWN else ""
        listed = "\n".join(f"  {one}" for one in found.malformed) + more
        text = f"{found.malformed_count:,} values are not IMEIs of 15 digits:\n{listed}"
        if not skip_malformed:
            raise UsageError(text, "Nothing was sent. Correct them, or skip them with --skip-malformed.")
        stderr_note(f"skipped: {text}")
    if found.repeated:
        stderr_note(f"{found.repeated:,} devices were given more than once; each is sent once")
    if found.wrong_digits:
        stderr_note(
            f"{found.wrong_digits:,} of {len(found.devices):,} IMEIs have a wrong check digit; they are sent anyway"
        )


def _opened(path: str) -> IO[str]:
    if path == "-":
        return sys.stdin
    try:
        return Path(path).open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def in_batches(devices: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(devices), size):
        yield list(devices[start : start + size])
