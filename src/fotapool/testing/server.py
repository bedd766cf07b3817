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
    of the command. With `address`, that server is used instead, and left running. With `tls` the address is https, and
    `ca_file` has the authority that signed its certificate; with `address`, give the file of that server.
    """

    def __init__(
        self,
        *arguments: str,
        address: str | None = None,
        operator_key: str = OPERATOR_KEY,
        stop_with: int | None = None,
        block: int | None = None,
        tls: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self.operator_key = operator_key
        self.ca_file = ca_file
        """The certificate authority, as PEM: what clients are to trust. None with plain HTTP."""
        self.address = address or ""
        self.process: subprocess.Popen[str] | None = None
        self._arguments = arguments
        self._given = address is not None
        self._tls = tls
        self._tls_directory: tempfile.TemporaryDirectory[str] | None = None
        self._stop_with = stop_with
        self._ranges = Ranges(block)
        self._control: Control | None = None
        self._receiver: Receiver | None = None
        self._transport: Any = None

    def start(self) -> Server:
        """Answers when the server takes requests. Raises ServerFailed."""
        if self._given:
            return self
        arguments = self._arguments
        if self._tls:
            self._tls_directory = tempfile.TemporaryDirectory(prefix="fotapool-tls-")
            self.ca_file = ca_file_in(self._tls_directory.name)
            arguments = (*arguments, *tls_arguments(self._tls_directory.name))
        try:
            self.process, self.address = start_emulator(arguments, self.operator_key, self._stop_with)
        except BaseException:
            self.stop()
            raise
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
        if self._tls_directory is not None:
            self._tls_directory.cleanup()

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
            self._control = Control(self.address, self.operator_key, self.ca_file)
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
            import ssl

            import httpx

            # Making a context reads all authorities of the machine: only where it is needed.
            verify = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else False
            self._transport = httpx.HTTPTransport(verify=verify)
        return self._transport

    def account(self, **options: Any) -> Account:
        """An account of its own, with devices that no other has. The options are those of the marker."""
        return Account(self, Options(**options), self._ranges)


def tls_arguments(directory: str) -> tuple[str, ...]:
    """What makes the command serve HTTPS, with its certificates in the directory."""
    return ("--tls", "--tls-directory", directory)


def ca_file_in(directory: str) -> str:
    """Where the command writes its certificate authority."""
    return os.path.join(directory, "ca.pem")


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
