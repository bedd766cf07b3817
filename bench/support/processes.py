"""Starts servers on one core and the load client on another, and reads their memory."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from bench.support.client import Job, Result

START_WITHIN_S = 60
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {CORES[0]} if len(CORES) > 1 else set(CORES)
CLIENT_CORES = {CORES[1]} if len(CORES) > 1 else set(CORES)
OPERATOR = "bench"


class Failed(Exception):
    """A measured program did not start, or returned errors."""


class Server:
    """A server process and the port it listens on."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: IO[str]) -> None:
        self.process = process
        self.port = port
        self._log = log

    def log(self) -> str:
        """The end of what it has written to its log."""
        self._log.seek(0)
        return self._log.read()[-2000:]

    @property
    def peak_mib(self) -> float:
        """Peak resident memory, in MiB."""
        return self._memory("VmHWM")

    @property
    def resident_mib(self) -> float:
        return self._memory("VmRSS")

    @property
    def cpu_s(self) -> float:
        """CPU time of the process, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _memory(self, field: str) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return 0.0


def pin(cores: set[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Pins this process to these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(
    command: Sequence[str], ready: Callable[[subprocess.Popen[str]], int], environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Runs a process on the server's core; `ready` waits for it and returns its port."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=pin(SERVER_CORES),
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            try:
                port = ready(process)
            except Failed as error:
                errors.seek(0)
                raise Failed(f"{error}: {errors.read()[-2000:]}") from None
            yield Server(process, port, errors)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def ready_line(process: subprocess.Popen[str]) -> int:
    """The port in the ready line."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_WITHIN_S)
    line = process.stdout.readline() if readable else ""
    if not line.startswith("fotapool ready on "):
        raise Failed("the server did not start")
    return int(line.rsplit(":", 1)[1])


def serving(
    url: str, *options: str, environment: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Server]:
    """`fotapool serve` on the database, with one worker."""
    command = ["-m", "fotapool.cli", "serve", "--port", "0", "--database", url, "--operator-key", OPERATOR]
    return running([sys.executable, *command, *options], ready_line, environment)


def serving_without_storage() -> contextlib.AbstractContextManager[Server]:
    """The server without storage (bench/support/nostorage.py)."""
    return running([sys.executable, "-m", "bench.support.nostorage"], ready_line)


def load(port: int, requests: list[bytes], connections: int, seconds: float = 20.0) -> Result:
    """Sends the requests with the load client. Raises Failed unless every status is 200."""
    with tempfile.NamedTemporaryFile(suffix=".job") as file:
        file.write(msgspec.msgpack.encode(Job(port, requests, connections, seconds)))
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "bench.support.client", file.name],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=pin(CLIENT_CORES),
            timeout=seconds + 60,
        )
    if done.returncode:
        raise Failed(f"the load client failed: {done.stderr[-2000:]}")
    result = msgspec.json.decode(done.stdout, type=Result)
    if result.failed or not result.succeeded:
        raise Failed(f"{result.failed} of {len(requests)} requests failed, the first: {result.first_failure}")
    return result


def wait_for_port(port: int) -> Callable[[subprocess.Popen[str]], int]:
    """Waits until the port accepts connections, for servers without a ready line."""
    import socket

    def wait(process: subprocess.Popen[str]) -> int:
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return port
            time.sleep(0.1)
        raise Failed("the server did not start")

    return wait


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
