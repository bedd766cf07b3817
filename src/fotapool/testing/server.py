"""An emulator in a child process, which ends with its parent."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from fotapool.testing.account import Account
from fotapool.testing.control import Control, ControlFailed
from fotapool.testing.inbox import Receiver
from fotapool.testing.options import read_options
from fotapool.testing.ranges import Ranges

OPERATOR_KEY = "operator"
STOP_WITHIN_S = 10
READY = "fotapool ready on "
MAX_ERROR_CHARACTERS = 4000


class ServerFailed(Exception):
    """The emulator did not start; the message has its error output."""


class Server:
    """`with Server() as server: account = server.account(licenses=5)`

    Starts `fotapool emulate` on a free port, with a database in memory. `arguments` are more options of the command.
    With `address`, that emulator is used instead and left running. `directory` is where relative paths in `arguments`
    begin. With `tls` the address is https, and `ca_file` is the
    PEM file of its certificate authority; with `address`, pass that server's file.
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
        directory: str | None = None,
    ) -> None:
        self.operator_key = operator_key
        self.ca_file = ca_file
        """PEM file of the certificate authority; None with plain HTTP."""
        self.address = address or ""
        self.process: subprocess.Popen[str] | None = None
        self._arguments = arguments
        self._is_checked = address is None
        self._directory = directory
        self._tls = tls
        self._tls_directory: tempfile.TemporaryDirectory[str] | None = None
        self._stop_with = stop_with
        self._ranges = Ranges(block)
        self._lock = threading.RLock()
        self._control: Control | None = None
        self._receiver: Receiver | None = None
        self._transport: Any = None

    def start(self) -> Server:
        """Returns when the server accepts requests. Raises ServerFailed."""
        if self.address:
            self._check()
            return self
        arguments = self._arguments
        if self._tls:
            self._tls_directory = tempfile.TemporaryDirectory(prefix="fotapool-tls-")
            self.ca_file = ca_file_in(self._tls_directory.name)
            arguments = (*arguments, *tls_arguments(self._tls_directory.name))
        try:
            self.process, self.address = start_emulator(arguments, self.operator_key, self._stop_with, self._directory)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops the callback receiver, and the server if it was started here."""
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
        """A client of the operator API."""
        with self._lock:
            if self._control is None:
                self._control = Control(self.address, self.operator_key, self.ca_file)
            return self._control

    @property
    def receiver(self) -> Receiver:
        """The callback receiver of all accounts; started on first use."""
        with self._lock:
            if self._receiver is None:
                self._receiver = Receiver()
            return self._receiver

    @property
    def transport(self) -> Any:
        """The connections shared by the httpx clients of all accounts."""
        if self._transport is None:
            import ssl

            import httpx

            # A default context loads the system's certificate authorities, which is slow.
            verify = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else False
            self._transport = httpx.HTTPTransport(verify=verify)
        return self._transport

    def intercept(self) -> AbstractContextManager[None]:
        """`with server.intercept():` in this process, the vendor's host names lead to this server. It needs HTTPS.

        For requests, httpx, aiohttp, urllib3 and all others that use Python's `socket` and `ssl`. Raises RuntimeError.
        """
        from fotapool.testing.intercept import intercepted

        return intercepted(self.address, self.ca_file)

    def account(self, **options: Any) -> Account:
        """Creates an account with devices of its own. The options are those of the marker `fotapool`."""
        given = read_options(options)
        self._check()
        with self._lock:  # names and IMEIs are counted
            return Account(self, given, self._ranges)

    def _check(self) -> None:
        """Raises ServerFailed if the server at `address` is not an emulator: tests must not change its accounts."""
        if self._is_checked:
            return
        try:
            self.control.call("GET", "/clock")
        except (ControlFailed, OSError) as error:
            self.control.close()
            if isinstance(error, ControlFailed) and error.status == 404:
                raise ServerFailed(
                    f"{self.address} has no test clock, so it is not an emulator, and no account is created on it; "
                    "give the address of `fotapool emulate`"
                ) from None
            raise ServerFailed(f"the emulator at {self.address} cannot be used: {error}") from None
        self._is_checked = True


def tls_arguments(directory: str) -> tuple[str, ...]:
    """The options for HTTPS, with the certificates in this directory."""
    return ("--tls", "--tls-directory", directory)


def ca_file_in(directory: str) -> str:
    """The file that the command writes its certificate authority to."""
    return os.path.join(directory, "ca.pem")


def start_emulator(
    arguments: Sequence[str], operator_key: str, stop_with: int | None, directory: str | None = None
) -> tuple[subprocess.Popen[str], str]:
    """The process and its address. It ends with the process `stop_with`, or with this one. Raises ServerFailed."""
    command = [sys.executable, "-m", "fotapool.cli", "emulate", "--port", "0", "--operator-key", operator_key]
    command += ["--stop-with-parent", *([str(stop_with)] if stop_with else []), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOTAPOOL_")}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=directory
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        process.stdout.close()
        if not line.startswith(READY):
            stop_process(process)
            errors.seek(0)
            raise ServerFailed(f"`{' '.join(command)}` did not start: {line}{errors.read()[-MAX_ERROR_CHARACTERS:]}")
    return process, line.removeprefix(READY).strip()


def stop_process(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
