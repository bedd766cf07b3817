"""Ends the server when the process that it is for is gone, so that no test run leaves one behind."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_EVERY_S = 0.2


def stop_with(process: int) -> None:
    """Watches the process with this id, or with 0 the parent; when it is gone, this one stops as by SIGTERM."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(process, parent), daemon=True, name="fotapool-parent").start()


def _watch(process: int, parent: int) -> None:
    while exists(process) if process else os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)


def exists(process: int) -> bool:
    """Whether there is such a process, be it another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
