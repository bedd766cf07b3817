"""Stops the server when its parent process has ended, so that neither a test run nor a supervisor leaves one behind."""

from __future__ import annotations

import os
import signal
import threading
import time

POLL_S = 0.2
STOP_WITHIN_S = 60.0


def stop_with(
    process: int,
    parent: int | None = None,
    signal_number: int = signal.SIGTERM,
    within_s: float = STOP_WITHIN_S,
) -> None:
    """Sends a signal to this process when the process with this id has ended; 0 is the parent.

    `parent` is the parent's id if it is known: the parent may have ended before this is called. If this process still
    runs `within_s` seconds after the signal, it ends with exit code 1: a signal during the start can be lost.
    """

    def watch(parent: int) -> None:
        while exists(process) if process else os.getppid() == parent:
            time.sleep(POLL_S)
        os.kill(os.getpid(), signal_number)
        time.sleep(within_s)
        os._exit(1)

    threading.Thread(target=watch, args=(parent or os.getppid(),), daemon=True, name="fotapool-parent").start()


def exists(process: int) -> bool:
    """Whether the process exists, also if it is another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
