"""An emulator as a child process, which ends with the process it is for."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from fotapool.testing.account import Account, Options
from fotapool.testing.control import Control
from fotapool.testing.inbox import Receiver
from fotapool.testing.ranges import Ranges

OPERATOR_KEY = "operator"
STOP_WITHIN_S = 10
READY = "fotapool ready on "
MAX_TOLD = 4000
"""How many characters of what a server said before it failed are told."""


class ServerFailed(Exception):
    """The emulator did not start; the message has what it said."""


class Server:
    """`with Server() as server: account = server.account(licenses=5)`

    Starts `fotapool emulate` on a free port of this machine, with a database in memory. `arguments` are further options
    of the command. With `address`, that server is used instead, and left running.
    """

    def __init__(
        self,
        *arguments: str,
        address: str | None = None,
        operator_key: str = OPERATOR_KEY,
        stop_with: int | None = None,
        block: int | None = None,
    ) -> None:
        self.operator_key = operator_key
        self.address = address or ""
        self.process: subprocess.Popen[str] | None = None
        self._arguments = arguments
        self._given = address is not None
        self._stop_with = stop_with
        self._ranges = Ranges(block)
        self._control: Control | None = None
        self._receiver: Receiver | None = None
        self._transport: Any = None

    def start(self) -> Server:
        """Answers when the server takes requests. Raises ServerFailed."""
        if not self._given:
            self.process, self.address = start_emulator(self._arguments, self.operator_key, self._stop_with)
        return self

    def stop(self) -> None:
        """Ends the server, if this started it, and the receiver of callbacks."""
        if self._receiver is not None:
            self._receiver.stop()
        if self._control is not None:
            self._control.close()
        if self._transport is not None:
            self._transport.close()
        if self.process is not None:
            stop_process(self.process)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def control(self) -> Control:
        """A client of the operator plane."""
        if self._control is None:
            self._control = Control(self.address, self.operator_key)
        return self._control

    @property
    def receiver(self) -> Receiver:
        """Where the callbacks of all accounts arrive; started when first asked for."""
        if self._receiver is None:
            self._receiver = Receiver()
        return self._receiver

    @property
    def transport(self) -> Any:
        """The connections that the httpx clients of all accounts share."""
        if self._transport is None:
            import httpx

            self._transport = httpx.HTTPTransport(verify=False)
        return self._transport

    def account(self, **options: Any) -> Account:
        """An account of its own, with devices that no other has. The options are those of the marker."""
        return Account(self, Options(**options), self._ranges)


def start_emulator(
    arguments: Sequence[str], operator_key: str, stop_with: int | None
) -> tuple[subprocess.Popen[str], str]:
    """The process and its address. It ends when the process `stop_with` does, or this one. Raises ServerFailed."""
    command = [sys.executable, "-m", "fotapool.cli", "emulate", "--port", "0", "--operator-key", operator_key]
    command += ["--stop-with-parent", *([str(stop_with)] if stop_with else []), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOTAPOOL_")}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
        assert process.stdout is not None
        line = process.stdout.readline()
        process.stdout.close()
        if not line.startswith(READY):
            stop_process(process)
            said.seek(0)
            raise ServerFailed(f"`{' '.join(command)}` did not start: {line}{said.read()[-MAX_TOLD:]}")
    return process, line.removeprefix(READY).strip()


def stop_process(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
