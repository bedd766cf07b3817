"""The recording file: a line of JSON for each pair of a request and its response."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from fotapool import __version__

FORMAT = 1
MAX_PAIRS = 100_000
MAX_FILE_BYTES = 1024 * 1024 * 1024
MAX_LINE_BYTES = 256 * 1024 * 1024


class UnreadableRecording(Exception):
    """The file is not a recording; the message says at which line."""


class SentFile(msgspec.Struct):
    """A file of a form: name and size, never its content."""

    field: str
    name: str
    type: str
    bytes: int


class Body(msgspec.Struct, omit_defaults=True):
    """Has one of: a document, a form with or without files, text, or why the body was left out."""

    json: Any = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    form: list[tuple[str, str]] | msgspec.UnsetType = msgspec.UNSET
    files: list[SentFile] | msgspec.UnsetType = msgspec.UNSET
    leftOut: str | msgspec.UnsetType = msgspec.UNSET


class RecordedRequest(msgspec.Struct, kw_only=True):
    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = {}
    body: Body | None = None


class RecordedResponse(msgspec.Struct, kw_only=True):
    status: int
    headers: dict[str, str] = {}
    body: Body | None = None


class Pair(msgspec.Struct, kw_only=True):
    """`number` is the order of arrival; `time` is RFC 3339, `took` in ms."""

    number: int
    time: str
    took: int
    request: RecordedRequest
    answer: RecordedResponse


class _Beginning(msgspec.Struct, kw_only=True):
    fotapoolRecording: int


class RecordingFile:
    """Writes pairs to a new file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, FileExistsError among them."""
        self._file: IO[bytes] = os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb")
        self.pairs = 0
        self._bytes = 0
        self._write({"fotapoolRecording": FORMAT, "by": f"fotapool {__version__}"})

    @property
    def is_full(self) -> bool:
        return self.pairs >= MAX_PAIRS or self._bytes >= MAX_FILE_BYTES

    def add(self, pair: Pair) -> None:
        self._write(msgspec.to_builtins(pair))
        self.pairs += 1

    def _write(self, document: dict[str, Any]) -> None:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._file.flush()
        self._bytes += len(line)

    def close(self) -> None:
        self._file.close()


def read_recording(path: Path) -> list[Pair]:
    """The pairs in the order of the requests. Raises UnreadableRecording, or OSError."""
    pairs = list(_read_pairs(path))
    return sorted(pairs, key=lambda pair: pair.number)


def _read_pairs(path: Path) -> Iterator[Pair]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
            try:
                document = json.loads(line)
                if number == 1:
                    _check_beginning(document)
                else:
                    yield msgspec.convert(document, Pair)
            except (ValueError, RecursionError) as error:
                raise UnreadableRecording(f"{path}, line {number}: {error}") from error
            if number > MAX_PAIRS:
                raise UnreadableRecording(f"{path} has more than {MAX_PAIRS:,} pairs")


def _check_beginning(document: Any) -> None:
    """Raises ValueError."""
    beginning = msgspec.convert(document, _Beginning)
    if beginning.fotapoolRecording != FORMAT:
        raise ValueError(f"the recording has format {beginning.fotapoolRecording}, and this version reads {FORMAT}")
