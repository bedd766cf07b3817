"""Stops the server when its parent process has ended, so that no test run leaves one behind."""

from __future__ import annotations

import os
import signal
import threading
import time

POLL_S = 0.2


def stop_with(process: int) -> None:
    """Sends SIGTERM to this process when the process with this id has ended; 0 is the parent."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(process, parent), daemon=True, name="fotapool-parent").start()


def _watch(process: int, parent: int) -> None:
    while exists(process) if process else os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


def exists(process: int) -> bool:
    """Whether the process exists, also if it is another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
