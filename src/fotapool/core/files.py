"""Files that only the user of the server may read."""

from __future__ import annotations

import contextlib
import os
import stat

PRIVATE_UMASK = 0o077
"""New databases, contents, keys and backups are for the server's own user only."""


def make_private(path: str | os.PathLike[str]) -> None:
    """Takes the permissions of group and others away, if the path exists and is this user's."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & PRIVATE_UMASK:
            os.chmod(path, mode & ~PRIVATE_UMASK)
