"""Ends connections whose statement has run for too long, from a thread of its own.

A server that is frozen, or a network that drops everything, sends no error: the driver would wait for ever.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol
from weakref import WeakKeyDictionary, WeakSet

CHECK_EVERY_S = 0.25
LONG_FACTOR = 30
GRACE_S = 0.5
"""A lock that is waited for ends with an error of the server, which is to come first."""


class Watched(Protocol):
    """A connection. `busy_since_s` is when its statement began (`time.monotonic`), or None while it has none."""

    busy_since_s: float | None
    is_long: bool
    """Whether its statements may take LONG_FACTOR times as long: those of audits and exports."""

    def server_answers(self) -> bool:
        """Whether the server of the connection answers another one, which may take 2 s."""

    def abort(self) -> None:
        """Ends the connection, so that the thread that waits for it gets an error. Safe to call from any thread."""


class Watchdog:
    """Aborts connections whose statement runs longer than `timeout_s`. Its thread ends with the last connection.

    A long statement has LONG_FACTOR times as long, as far as the server answers other connections.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._watched: WeakSet[Watched] = WeakSet()
        self._asked_s: WeakKeyDictionary[Watched, float] = WeakKeyDictionary()
        """When a connection's server was last asked whether it answers, by the connections with long statements."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, connection: Watched) -> None:
        with self._lock:
            self._watched.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fotapool-watchdog", daemon=True)
                self._thread.start()

    def release(self, connection: Watched) -> None:
        with self._lock:
            self._watched.discard(connection)

    def check(self, now_s: float) -> None:
        """Aborts the connections that are overdue at this time."""
        with self._lock:
            watched = list(self._watched)
        for connection in watched:
            since_s = connection.busy_since_s
            if since_s is None or now_s - since_s <= self.timeout_s + GRACE_S:
                continue
            if not connection.is_long or now_s - since_s > self.timeout_s * LONG_FACTOR:
                connection.abort()
            elif now_s - max(since_s, self._asked_s.get(connection, since_s)) > self.timeout_s:
                self._asked_s[connection] = now_s
                # In a thread: the other connections' deadlines do not wait for it.
                threading.Thread(target=_abort_unless_answered, args=(connection,), daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_EVERY_S)
            self.check(time.monotonic())
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return


def _abort_unless_answered(connection: Watched) -> None:
    if not connection.server_answers() and connection.busy_since_s is not None:
        connection.abort()
