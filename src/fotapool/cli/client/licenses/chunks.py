"""Long work in chunks, several at a time: answers are handed on as they come, and Ctrl-C leaves nothing half known."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

from fotapool.cli.client.output import stderr_note

Chunk = TypeVar("Chunk")
Answer = TypeVar("Answer")
LOOK_EVERY_S = 0.5
"""How often a wait is left, so that Ctrl-C is heard on every system."""
FINISH_WITHIN_S = 30.0
"""How long the chunks under way are waited for after Ctrl-C."""


class Stopped(Exception):
    """Ctrl-C; the answers of what was under way have been handed on, unless it was pressed twice."""


class _Workers(Generic[Chunk, Answer]):
    """Threads that take chunks, ask, and put (chunk, answer or exception) into a queue."""

    def __init__(self, chunks: Iterable[Chunk], ask: Callable[[Chunk], Answer], parallel: int) -> None:
        self.answers: queue.Queue[tuple[Chunk, Answer | BaseException] | None] = queue.Queue(maxsize=parallel)
        self.stopping = threading.Event()
        self.running = parallel
        self._chunks: Iterator[Chunk] = iter(chunks)
        self._lock = threading.Lock()
        self._ask = ask
        for _ in range(parallel):  # daemons: one that waits for a retry must not hold up the end of the process
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while (chunk := self._next()) is not None:
            try:
                answer: Answer | BaseException = self._ask(chunk)
            except BaseException as error:
                answer = error
                self.stopping.set()
            self.answers.put((chunk, answer))
        self.answers.put(None)

    def _next(self) -> Chunk | None:
        with self._lock:
            return None if self.stopping.is_set() else next(self._chunks, None)


@contextmanager
def _first_ctrl_c(stopping: threading.Event) -> Iterator[threading.Event]:
    """The event that it sets, in place of an exception that could hit anything half done; the second one raises."""
    pressed = threading.Event()

    def note(_: int, __: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        stopping.set()

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def run_batches(
    chunks: Iterable[Chunk], ask: Callable[[Chunk], Answer], parallel: int, take: Callable[[Chunk, Answer], None]
) -> None:
    """Hands every chunk's answer to `take`, in this thread. After the first failure no further chunk is asked, what is
    under way is finished, and the failure is raised. Raises Stopped after Ctrl-C.
    """
    workers = _Workers(chunks, ask, parallel)
    try:
        with _first_ctrl_c(workers.stopping) as pressed:
            failure = _take_all(workers, pressed, take)
    except KeyboardInterrupt as error:
        raise Stopped from error
    finally:
        workers.stopping.set()
    if pressed.is_set():
        raise Stopped
    if failure is not None:
        raise failure


def _take_all(
    workers: _Workers[Chunk, Answer], pressed: threading.Event, take: Callable[[Chunk, Answer], None]
) -> BaseException | None:
    """The first failure, if there is one."""
    failure: BaseException | None = None
    waited_s, told = 0.0, False
    while workers.running and waited_s < FINISH_WITHIN_S:
        if pressed.is_set() and not told:
            told = True
            stderr_note("\nstopping after the requests under way; Ctrl-C again to leave at once")
        try:
            found = workers.answers.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            waited_s += LOOK_EVERY_S if told else 0.0
            continue
        if found is None:
            workers.running -= 1
        elif isinstance(found[1], BaseException):
            failure = failure or found[1]
        else:
            take(found[0], found[1])
    return failure
