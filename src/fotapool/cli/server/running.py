"""Runs a server: socket, worker processes, ready line, graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from fotapool.cli.server.protocol import ConnectionLimits, LimitedProtocol
from fotapool.cli.server.scripts import StartScripts
from fotapool.core import hashing
from fotapool.core.private_files import PRIVATE_UMASK
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable

SETTINGS_VARIABLE = "FOTAPOOL_WORKER_SETTINGS"
"""The variable that passes the settings to worker processes, as JSON."""
BACKLOG = 2048
STOP_WITHIN_S = 30
"""How long requests in progress may take after SIGTERM."""
STOP_TLS_WITHIN_S = 3
"""As STOP_WITHIN_S, with TLS: idle connections wait for a close message that may never arrive."""
THREAD_SWITCH_S = 0.000_2
"""The interpreter's switch interval: how long a thread that returns from I/O may wait for the event loop."""
IN_MEMORY = "sqlite://"
"""The database in memory. Its secrets end with the process, so password hashing can be cheap."""
READY_TRIES = 600
READY_EVERY_S = 0.1


class StartFailed(Exception):
    """The server cannot start; the message says what to do."""


def worker_app() -> Any:
    """The application of a worker process; uvicorn imports it."""
    from fotapool.app import Server

    sys.setswitchinterval(THREAD_SWITCH_S)
    return Server(msgspec.json.decode(os.environ[SETTINGS_VARIABLE], type=Settings)).app


def listen(settings: Settings) -> socket.socket:
    """Raises StartFailed, for example when the port is in use."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StartFailed(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


def address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls else 'http'}://{host}:{listener.getsockname()[1]}"


def connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        max_head_bytes=settings.max_head_bytes,
        max_headers=settings.max_headers,
        head_timeout_s=settings.head_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        min_body_bytes_per_s=settings.min_body_bytes_per_s,
        max_connections=settings.max_connections,
    )


def make_config(settings: Settings, app: Any) -> uvicorn.Config:
    tls: dict[str, Any] = {}
    if settings.tls:
        from fotapool.cli.server.tls import ensure_certificates

        files = ensure_certificates(Path(settings.tls_directory))
        tls = {"ssl_certfile": str(files.certificate), "ssl_keyfile": str(files.key)}
    stop_within_s = STOP_TLS_WITHIN_S if settings.tls else STOP_WITHIN_S
    return uvicorn.Config(
        app,
        http=functools.partial(LimitedProtocol, connection_limits(settings)),  # type: ignore[arg-type]
        factory=isinstance(app, str),
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        date_header=False,
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=stop_within_s,
        timeout_keep_alive=75,
        backlog=BACKLOG,
        **tls,
    )


def run_server(settings: Settings, address_file: Path | None = None, scripts: Path | None = None) -> None:
    """Runs until SIGTERM or SIGINT, and finishes requests in progress. Raises StartFailed.

    `address_file` and `scripts` (a directory of start-up scripts) are ignored with several workers.
    """
    os.umask(PRIVATE_UMASK)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    sys.setswitchinterval(THREAD_SWITCH_S)
    listener = listen(settings)
    try:
        if settings.workers > 1:
            _run_workers(settings, listener)
        else:
            _run_here(settings, listener, address_file, scripts)
    finally:
        listener.close()


class _AnnouncingServer(uvicorn.Server):
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
            print(f"fotapool ready on {self.url}", flush=True)  # noqa: T201
            if self.scripts is not None:
                self.scripts.start(self.url, self.operator_key)


def _write_atomically(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _run_here(settings: Settings, listener: socket.socket, address_file: Path | None, scripts: Path | None) -> None:
    from fotapool.app import Server

    if settings.emulator and settings.database == IN_MEMORY:
        hashing.use_test_cost()
    try:
        server = Server(settings)
        server.seed_before_serving()
    except (StoreMismatch, StoreUnavailable, ValueError, Invalid) as error:
        raise StartFailed(str(error)) from error
    # uvicorn finishes the requests in progress and then raises the signal again, which must not end the process
    signal.signal(signal.SIGTERM, lambda *_: None)
    running = _AnnouncingServer(make_config(settings, server.app))
    running.url, running.address_file = address(settings, listener), address_file
    running.operator_key = settings.operator_key or ""
    running.scripts = StartScripts(scripts, server.readiness) if scripts else None
    try:
        with contextlib.suppress(asyncio.CancelledError):
            running.run(sockets=[listener])
    finally:
        if running.scripts is not None:
            running.scripts.stop()
    if not running.started:
        raise StartFailed("the server did not start; see the log above")


def _run_workers(settings: Settings, listener: socket.socket) -> None:
    from fotapool.app import Server

    try:
        Server(settings).seed_before_serving()
    except (StoreMismatch, StoreUnavailable, ValueError, Invalid) as error:
        raise StartFailed(str(error)) from error
    os.environ[SETTINGS_VARIABLE] = msgspec.json.encode(settings).decode()
    config = make_config(settings, "fotapool.cli.server.running:worker_app")
    stopping = threading.Event()
    threading.Thread(target=_announce, args=(settings, listener, stopping), daemon=True).start()
    try:
        Multiprocess(config, sockets=[listener]).run()
    finally:
        stopping.set()


def _announce(settings: Settings, listener: socket.socket, stopping: threading.Event) -> None:
    """Prints the ready line when a worker responds."""
    url = address(settings, listener)
    import urllib.request  # needed only here

    insecure = ssl._create_unverified_context() if settings.tls else None  # noqa: S323
    for _ in range(READY_TRIES):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/health/ready", timeout=5, context=insecure).close()  # noqa: S310
            print(f"fotapool ready on {url}", flush=True)  # noqa: T201
            return
        if stopping.wait(READY_EVERY_S):
            return
    logging.getLogger(__name__).error("no worker became ready; stopping")
    os.kill(os.getpid(), signal.SIGTERM)
