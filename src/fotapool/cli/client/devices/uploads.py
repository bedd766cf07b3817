"""Files that a command sends to the server while it reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.output import progress

BLOCK_BYTES = 256 * 1024


@contextmanager
def read_file(file: str, title: str) -> Iterator[Iterator[bytes]]:
    """The blocks of a file, or of standard input (`-`), with a progress bar. Raises UsageError."""
    try:
        opened = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    size = Path(file).stat().st_size if file != "-" else None
    with opened as source, progress(title, size, unit="bytes") as advance:
        yield _read_blocks(source, advance)


def _read_blocks(file: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block
        advance(len(block))
