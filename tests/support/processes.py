"""Servers whose processes tests stop, kill and watch: with a fixed port, and a log that can be read while they run."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

PATIENCE_S = 90.0
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that use no TLS: loading the system's authorities takes 50 ms of the processor each time."""
SITE = """
import os, sys, time
if "--multiprocessing-fork" in sys.orig_argv:
    path = os.environ["WORKERS_BEGIN_WITH"]
    if os.path.exists(path):
        exec(open(path).read())
"""


def wait_until(happened: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until_s, f"never: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class ServerProcess:
    """`fotapool serve` with these options, as a command that `within` begins.

    Workers begin with the program in `begin_with`, if there is one.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        port: int | None = None,
        within: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.begin_with = directory / "begin_with.py"
        site = directory / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE)
        paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._log = directory / f"log-{self.port}-{time.monotonic_ns()}.txt"
        command = [sys.executable, "-m", "fotapool.cli", "serve", "--operator-key", "test-operator-key"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*within, *command, "--port", str(self.port), *options],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "WORKERS_BEGIN_WITH": str(self.begin_with),
                    **environment,
                },
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        wait_until(lambda: "fotapool ready on " in self.log or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.log

    def is_answering(self) -> bool:
        """On a connection of its own, so that any worker may answer."""
        try:
            return (
                httpx.get(f"{self.address}/health/ready", trust_env=False, timeout=5, verify=NO_AUTHORITIES).status_code
                == 200
            )
        except httpx.HTTPError:
            return False

    def workers(self) -> set[int]:
        found = set()
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                    command = (path / "cmdline").read_text()
                except OSError:
                    continue
                if parent == self.process.pid and "spawn_main" in command:
                    found.add(int(path.name))
        return found

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            for worker in self.workers():
                os.kill(worker, signal.SIGKILL)
            self.process.kill()
            raise
