"""Runs batches in parallel threads. Ctrl-C lets the batches in progress finish."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

from fotapool.cli.client.output import stderr_note

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")
POLL_S = 0.5
"""How often a wait is interrupted: on some systems, signals are only handled then."""
FINISH_WITHIN_S = 30.0
"""How long batches in progress may take after Ctrl-C."""


class Stopped(Exception):
    """Ctrl-C. The answers of batches in progress were handled, unless it was pressed twice."""


class _Workers(Generic[Batch, Answer]):
    """Threads that send batches and put each answer or exception into a queue; None when a thread ends."""

    def __init__(self, batches: Iterable[Batch], send: Callable[[Batch], Answer], parallel: int) -> None:
        self.answers: queue.Queue[Answer | BaseException | None] = queue.Queue(maxsize=parallel)
        self.stopping = threading.Event()
        self.running = parallel
        self._batches: Iterator[Batch] = iter(batches)
        self._lock = threading.Lock()
        self._send = send
        for _ in range(parallel):  # daemons: a thread that waits for a retry does not delay the end of the process
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self.answers.put(self._send(batch))
            except BaseException as error:
                self.stopping.set()
                self.answers.put(error)
        self.answers.put(None)

    def _next(self) -> Batch | None:
        with self._lock:
            return None if self.stopping.is_set() else next(self._batches, None)


@contextmanager
def _handle_interrupt(stopping: threading.Event) -> Iterator[threading.Event]:
    """The first Ctrl-C sets `stopping` and the returned event; the second raises KeyboardInterrupt."""
    pressed = threading.Event()

    def handle(_: int, __: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        stopping.set()

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def run_batches(
    batches: Iterable[Batch], send: Callable[[Batch], Answer], parallel: int, handle: Callable[[Answer], None]
) -> None:
    """Sends the batches and calls `handle` with each answer, in this thread.

    After the first failure no further batch is sent, those in progress finish, and the failure is raised.
    Raises Stopped after Ctrl-C.
    """
    workers = _Workers(batches, send, parallel)
    try:
        with _handle_interrupt(workers.stopping) as pressed:
            failure = _handle_answers(workers, pressed, handle)
    except KeyboardInterrupt as error:
        raise Stopped from error
    finally:
        workers.stopping.set()
    if pressed.is_set():
        raise Stopped
    if failure is not None:
        raise failure


def _handle_answers(
    workers: _Workers[Batch, Answer], pressed: threading.Event, handle: Callable[[Answer], None]
) -> BaseException | None:
    """Returns the first failure, or None."""
    failure: BaseException | None = None
    waited_s, noted = 0.0, False
    while workers.running and waited_s < FINISH_WITHIN_S:
        if pressed.is_set() and not noted:
            noted = True
            stderr_note("\nstopping after the requests in progress; press Ctrl-C again to stop now")
        try:
            found = workers.answers.get(timeout=POLL_S)
        except queue.Empty:
            waited_s += POLL_S if noted else 0.0
            continue
        if found is None:
            workers.running -= 1
        elif isinstance(found, BaseException):
            failure = failure or found
        else:
            handle(found)
    return failure
