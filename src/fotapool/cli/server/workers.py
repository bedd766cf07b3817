"""Worker processes that share a port: started, watched, replaced and stopped by their parent.

A worker reports to its parent twice a second that it runs, and once that it is ready. One that ends or falls silent is
replaced, with a line in the log; the others go on. When the parent has died, the workers stop.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.settings import Settings
from fotapool.core.telemetry.definitions import WORKERS_REPLACED
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.telemetry.shared import SharedCounts

log = Log(__name__)

BEAT_S = 0.5
"""How often a worker says that it runs, and how long its parent waits for something to happen."""
SHORT_LIFE_S = 10.0
"""A worker that lived shorter counts as failed: the next one waits, longer each time."""
MAX_DELAY_S = 30.0
FIRST_TRIES = 3
"""How many workers may fail before any has ever been ready; then the start has failed."""
READY_TIMEOUTS = 10
"""How many times --worker-timeout-s a worker that runs may take until it is ready: machines may be slow."""
STOP_MARGIN_S = 20.0
"""How much longer than its settings say a worker may take to stop before it is killed."""
START_FAILED = 3
"""The exit code of a worker that cannot start."""

_spawn = multiprocessing.get_context("spawn")


class NoWorkerStarted(Exception):
    """No worker could start; the log says why."""


class _Worker(msgspec.Struct):
    """A place for a worker, and the process that has it."""

    counts: SharedCounts
    process: SpawnProcess | None = None
    pipe: Connection | None = None
    started_s: float = 0.0
    heard_s: float = 0.0
    is_ready: bool = False
    failures: int = 0
    """How many in a row failed here."""
    next_s: float = 0.0
    """When the next process may start."""

    def listen(self, now_s: float) -> None:
        """Reads what the worker has said."""
        with contextlib.suppress(EOFError, OSError):
            while self.pipe is not None and self.pipe.poll():
                self.is_ready = self.pipe.recv() or self.is_ready
                self.heard_s = now_s

    def problem(self, now_s: float, timeout_s: int) -> str:
        """Why the worker must be replaced, or "" if it is well. One that is silent or late is killed."""
        process = self.process
        if process is None:
            return ""
        if process.exitcode is not None:
            return f"ended with {_exit_text(process.exitcode)}"
        if now_s - self.heard_s > timeout_s:
            said = f"did not answer for {timeout_s} s"
        elif not self.is_ready and now_s - self.started_s > timeout_s * READY_TIMEOUTS:
            said = f"was not ready after {timeout_s * READY_TIMEOUTS} s"
        else:
            return ""
        process.kill()
        process.join()
        return f"{said} and was killed ({_exit_text(process.exitcode or 0)}); see --worker-timeout-s"


def _exit_text(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"exit code {code}, {signal.Signals(-code).name}"


class Workers:
    """The parent of the workers."""

    def __init__(
        self, settings: Settings, listener: socket.socket, announce: Callable[[], None], counts: SharedCounts
    ) -> None:
        """`announce` is called once, when the first worker is ready. `counts` are those of this process."""
        self._settings = settings
        self._listener = listener
        self._announce = announce
        self._workers = [_Worker(counts.at(place)) for place in range(settings.workers)]
        self._metrics = Metrics(counts)
        self._was_ready = False
        self._failures = 0
        self._stop_signals = 0
        self._looked_s = 0.0

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT. Raises NoWorkerStarted."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._count_signal)
        try:
            while not self._stop_signals:
                self._look(time.monotonic())
                pipes = [worker.pipe for worker in self._workers if worker.pipe is not None]
                sentinels = [worker.process.sentinel for worker in self._workers if worker.process is not None]
                wait([*pipes, *sentinels], BEAT_S)
        finally:
            self._stop()

    def _count_signal(self, *_: object) -> None:
        self._stop_signals += 1

    def _look(self, now_s: float) -> None:
        """Starts what is missing, and replaces what failed."""
        late_s = self._settings.worker_timeout_s / 2 + 2 * BEAT_S
        paused = self._looked_s and now_s - self._looked_s > late_s
        self._looked_s = now_s
        for worker in self._workers:
            if paused:  # this process was stopped or starved, so the silence of the workers says nothing
                worker.heard_s = worker.started_s = now_s
            worker.listen(now_s)
            if worker.is_ready and not self._was_ready:
                self._was_ready = True
                self._announce()
            problem = worker.problem(now_s, self._settings.worker_timeout_s)
            if problem:
                self._give_up(worker, problem, now_s)
            if worker.process is None and now_s >= worker.next_s:
                self._start(worker, now_s)

    def _start(self, worker: _Worker, now_s: float) -> None:
        worker.pipe, theirs = _spawn.Pipe(duplex=False)
        arguments = (self._settings, self._listener, theirs, os.getpid(), worker.counts)
        worker.process = _spawn.Process(target=run_worker, args=arguments, name="fotapool-worker")
        worker.process.start()
        theirs.close()
        log.write(LogEvent.WORKER_STARTED, number=worker.counts.worker, pid=worker.process.pid)
        worker.started_s = worker.heard_s = now_s
        worker.is_ready = False

    def _give_up(self, worker: _Worker, problem: str, now_s: float) -> None:
        """Raises NoWorkerStarted if none has ever been ready and this was the last try."""
        assert worker.process is not None
        if worker.is_ready and now_s - worker.started_s >= SHORT_LIFE_S:
            worker.failures = 0
        else:
            worker.failures += 1
        delay_s = 0.0 if worker.failures <= 1 else min(2.0 ** (worker.failures - 2), MAX_DELAY_S)
        when = f"in {delay_s:.0f} s" if delay_s else "now"
        log.write(LogEvent.WORKER_REPLACED, pid=worker.process.pid, problem=problem, when=when)
        self._forget(worker)
        self._metrics.count(WORKERS_REPLACED)
        worker.next_s = now_s + delay_s
        if not self._was_ready:
            self._failures += 1
            if self._failures >= FIRST_TRIES:
                raise NoWorkerStarted("no worker could start; see the log above")

    def _forget(self, worker: _Worker) -> None:
        if worker.process is not None:
            worker.process.join()
            worker.process.close()
            worker.counts.clear_gauges()
        if worker.pipe is not None:
            worker.pipe.close()
        worker.process = worker.pipe = None

    def _stop(self) -> None:
        """Asks all workers to stop, passes further signals on, and kills those that take too long."""
        self._listener.close()  # the workers have it as long as they accept connections
        settings = self._settings
        until_s = time.monotonic() + settings.drain_s + settings.stop_timeout_s + STOP_MARGIN_S
        passed_on = -1
        while running := [one.process for one in self._workers if one.process is not None and one.process.is_alive()]:
            if passed_on != self._stop_signals:
                passed_on = self._stop_signals
                for process in running:
                    process.terminate()
            if time.monotonic() > until_s:
                for process in running:
                    log.write(LogEvent.WORKER_KILLED, pid=process.pid)
                    process.kill()
            wait([process.sentinel for process in running], BEAT_S)
        for worker in self._workers:
            self._forget(worker)


def run_worker(
    settings: Settings,
    listener: socket.socket,
    pipe: Connection,
    parent: int,
    counts: SharedCounts,
) -> None:
    """Runs one server on the port that the parent listens on; in a process of its own."""
    from fotapool.cli.server.parent import stop_with
    from fotapool.cli.server.process import StartFailed, make_config, make_server, prepare_process, run_until_stopped
    from fotapool.cli.server.stopping import StoppingServer

    prepare_process(settings, counts.worker)
    # SIGINT stops without a drain: somebody may want the port for another server.
    stop_with(0, parent, signal.SIGINT, within_s=settings.stop_timeout_s + STOP_MARGIN_S)
    ready = threading.Event()
    threading.Thread(target=_beat, args=(pipe, ready), daemon=True, name="fotapool-beat").start()
    try:
        server = make_server(settings, counts)
    except StartFailed as error:
        log.write(LogEvent.WORKER_START_FAILED, pid=os.getpid(), reason=error)
        sys.exit(START_FAILED)

    class WorkerServer(StoppingServer):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready.set()

    worker = WorkerServer(make_config(settings, server.app), settings, server.readiness)
    run_until_stopped(worker, listener)
    if not worker.started:
        sys.exit(START_FAILED)


def _beat(pipe: Connection, ready: threading.Event) -> None:
    with contextlib.suppress(OSError):  # the parent is gone
        while True:
            pipe.send(ready.is_set())
            if ready.is_set():
                time.sleep(BEAT_S)
            else:
                ready.wait(BEAT_S)
