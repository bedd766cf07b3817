"""Files of the server: their permissions, and when they are durable."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

PRIVATE_UMASK = 0o077
"""New databases, contents, keys and backups are for the server's own user only."""


def make_private(path: str | os.PathLike[str]) -> None:
    """Takes the permissions of group and others away, if the path exists and is this user's."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & PRIVATE_UMASK:
            os.chmod(path, mode & ~PRIVATE_UMASK)


def flush_to_disk(*paths: Path) -> None:
    """Makes files durable, and of folders the entries."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
