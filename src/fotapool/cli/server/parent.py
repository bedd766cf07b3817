"""Stops the server when its parent process has ended, so that neither a test run nor a supervisor leaves one behind."""

from __future__ import annotations

import os
import signal
import threading
import time

POLL_S = 0.2


def stop_with(process: int, parent: int | None = None, signal_number: int = signal.SIGTERM) -> None:
    """Sends a signal to this process when the process with this id has ended; 0 is the parent.

    `parent` is the parent's id if it is known: the parent may have ended before this is called.
    """
    arguments = (process, parent or os.getppid(), signal_number)
    threading.Thread(target=_watch, args=arguments, daemon=True, name="fotapool-parent").start()


def _watch(process: int, parent: int, signal_number: int) -> None:
    while exists(process) if process else os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal_number)


def exists(process: int) -> bool:
    """Whether the process exists, also if it is another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
