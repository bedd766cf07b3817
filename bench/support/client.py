"""The load client: a closed loop over keep-alive connections in a separate process.

Started as `python -m bench.support.client JOB`. Reads the job (msgpack) from the file and prints the result as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import time
from collections import deque
from pathlib import Path

import msgspec
import uvloop

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_CLOSING = re.compile(rb"^HTTP/1\.0|\r\n[Cc]onnection: close\r\n")
CONNECT_TRIES = 50


class Job(msgspec.Struct):
    """The requests of a run. It ends when all have a response, or after `seconds`."""

    port: int
    requests: list[bytes]
    connections: int
    seconds: float


class Result(msgspec.Struct):
    """The responses of a run. `busy` is the client's own share of a core."""

    succeeded: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    busy: float
    first_failure: str = ""

    @property
    def rate(self) -> float:
        """Successful requests a second."""
        return self.succeeded / self.seconds


class Run:
    """The state that a job's connections share."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.waiting = deque(job.requests)
        self.latencies: list[float] = []
        self.failures: list[bytes] = []
        self.began = self.ended = self.deadline = 0.0
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.done = asyncio.get_running_loop().create_future()

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECT_TRIES):
            try:
                _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.job.port)
                return connection
            except OSError:
                await asyncio.sleep(0.02)
        raise ConnectionError("the server does not accept connections")

    def leave(self, connection: Connection) -> None:
        self.open.discard(connection)
        if not self.open and not self.done.done():
            self.done.set_result(None)

    def replace(self, connection: Connection) -> None:
        """Opens a new connection for servers that close after each response."""
        task = asyncio.get_running_loop().create_task(self._reconnect(connection))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _reconnect(self, old: Connection) -> None:
        try:
            if self.waiting and time.perf_counter() < self.deadline:
                fresh = await self.connect()
                self.open.add(fresh)
                fresh.send_next(time.perf_counter())
        except OSError as error:
            self.failures.append(str(error).encode())
        finally:
            self.leave(old)


class Connection(asyncio.Protocol):
    """One connection: sends the next request when the response has arrived."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.buffer = b""
        self.needed = 0
        self.sent = 0.0
        self.active = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def send_next(self, now: float) -> None:
        run = self.run
        if not run.waiting or now >= run.deadline:
            self.active = False
            self.transport.close()
            run.leave(self)
            return
        self.active = True
        self.sent = now
        self.transport.write(run.waiting.popleft())

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        if not self.needed:
            self.needed = _whole_length(data)
        if not self.needed or len(data) < self.needed:
            self.buffer = data
            return
        self.buffer, self.needed = b"", 0
        now = self.run.ended = time.perf_counter()
        self.run.latencies.append(now - self.sent)
        if data[9:12] != b"200":
            self.run.failures.append(data[:500])
        self.active = False
        if _CLOSING.search(data, 0, 500):
            return  # connection_lost comes next
        self.send_next(now)

    def connection_lost(self, error: Exception | None) -> None:
        if self.active:
            self.run.failures.append(b"connection lost")
        if self in self.run.open:
            self.run.replace(self)


def _whole_length(data: bytes) -> int:
    """Length of the response in bytes; 0 while it is unknown."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    found = _LENGTH.search(data, 0, head)
    if found:
        return head + 4 + int(found[1])
    if _CHUNKED.search(data, 0, head) and not data.endswith(b"0\r\n\r\n"):
        return 0
    return len(data)


async def perform(job: Job) -> Result:
    run = Run(job)
    connections = [await run.connect() for _ in range(job.connections)]
    run.open.update(connections)
    cpu, run.began = time.process_time(), time.perf_counter()
    run.deadline = run.began + job.seconds
    for connection in connections:
        connection.send_next(run.began)
    await asyncio.wait_for(run.done, job.seconds + 30)
    cpu = time.process_time() - cpu
    seconds = max(run.ended - run.began, 1e-9)
    latencies = sorted(run.latencies) or [0.0]
    failure = run.failures[0].decode("latin-1") if run.failures else ""
    return Result(
        succeeded=len(run.latencies) - len(run.failures),
        failed=len(run.failures),
        seconds=seconds,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
        busy=cpu / seconds,
        first_failure=failure,
    )


def main() -> None:
    job = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    gc.disable()
    print(msgspec.json.encode(uvloop.run(perform(job))).decode())


if __name__ == "__main__":
    main()
