"""Runs a server: socket, worker processes, ready line, graceful shutdown."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fotapool import __version__
from fotapool.cli.server.process import (
    IN_MEMORY,
    StartFailed,
    address,
    choose_operator_key,
    listen,
    make_config,
    make_server,
    prepare_process,
    run_until_stopped,
)
from fotapool.cli.server.scripts import StartScripts
from fotapool.cli.server.stopping import StoppingServer
from fotapool.cli.server.workers import NoWorkerStarted, Workers
from fotapool.core import hashing
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.settings import Settings
from fotapool.core.telemetry.shared import shared_counts
from fotapool.domain.errors import Invalid
from fotapool.store.db.connection import StoreUnavailable

if TYPE_CHECKING:
    from fotapool.app import Server

log = Log(__name__)


def make_seeded_server(settings: Settings) -> Server:
    """The server, after it has applied the seed. Raises StartFailed."""
    server = make_server(settings)
    try:
        server.seed_before_serving()
    except (StoreUnavailable, ValueError, Invalid) as error:
        raise StartFailed(str(error)) from error
    return server


def run_server(settings: Settings, address_file: Path | None = None, scripts: Path | None = None) -> None:
    """Runs until SIGTERM or SIGINT, and finishes requests in progress. Raises StartFailed.

    `address_file` and `scripts` (a directory of start-up scripts) are ignored with several workers.
    """
    prepare_process(settings)
    settings = choose_operator_key(settings)
    listener = listen(settings)
    try:
        if settings.workers > 1:
            _run_workers(settings, listener)
        else:
            _run_here(settings, listener, address_file, scripts)
    finally:
        listener.close()


class _AnnouncingServer(StoppingServer):
    """Prints the ready line and writes the address file when it accepts connections."""

    url = ""
    address_file: Path | None = None
    scripts: StartScripts | None = None
    operator_key = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if self.address_file is not None:
                _write_atomically(self.address_file, f"{self.url}\n")
            announce(self.url)
            if self.scripts is not None:
                self.scripts.start(self.url, self.operator_key)


def _write_atomically(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def announce(url: str) -> None:
    """Prints the ready line, and logs it."""
    log.write(LogEvent.SERVER_STARTED, version=__version__, address=url)
    with contextlib.suppress(OSError):  # it serves all the same
        print(f"fotapool ready on {url}", flush=True)  # noqa: T201


def _run_here(settings: Settings, listener: socket.socket, address_file: Path | None, scripts: Path | None) -> None:
    if settings.emulator and settings.database == IN_MEMORY:
        hashing.use_test_cost()
    server = make_seeded_server(settings)
    running = _AnnouncingServer(make_config(settings, server.app), settings, server.readiness)
    running.url, running.address_file = address(settings, listener), address_file
    running.operator_key = settings.operator_key or ""
    running.scripts = StartScripts(scripts, server.readiness) if scripts else None
    try:
        run_until_stopped(running, listener)
    finally:
        if running.scripts is not None:
            running.scripts.stop()
    if not running.started:
        raise StartFailed("the server did not start; see the log above")


def _run_workers(settings: Settings, listener: socket.socket) -> None:
    # Once, here: workers that start together must not make two certificates, and a later one must not need the seed.
    with shared_counts() as counts:
        make_config(settings, make_seeded_server(msgspec.structs.replace(settings, otel=False)).app)
        url = address(settings, listener)
        try:
            Workers(msgspec.structs.replace(settings, seed=None), listener, lambda: announce(url), counts).run()
        except NoWorkerStarted as error:
            raise StartFailed(str(error)) from error
