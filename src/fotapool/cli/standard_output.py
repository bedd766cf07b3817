"""Output that cannot be written: characters that its encoding lacks, a full disk, a closed pipe or stream."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

import click

NOT_WRITTEN = 1
"""Exit code: the output could not be written."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


@contextmanager
def checked_output() -> Iterator[None]:
    """Escapes characters that the output's encoding lacks, and ends with a message if the output cannot be written.

    What is written to a stream that was closed before the start is dropped, as with the null device.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their descriptors
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in (*_NO_ROOM, errno.EPIPE):
            raise
        if error.errno != errno.EPIPE:
            with suppress(OSError):
                click.echo(f"Error: cannot write: {error.strerror}; free some space, or write elsewhere", err=True)
        _discard_output()
        raise SystemExit(NOT_WRITTEN) from error


def _discard_output() -> None:
    """Drops what is still in the buffers: the interpreter flushes them at its end, and must not fail then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
