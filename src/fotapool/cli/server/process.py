"""What each process of a server needs: preparation, application, socket, and the configuration of uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import functools
import gc
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import uvicorn

from fotapool.cli.server.protocol import ConnectionLimits, LimitedProtocol
from fotapool.cli.server.stopping import CANCEL_AFTER_S
from fotapool.core.files import PRIVATE_UMASK
from fotapool.core.hashing import token_hash
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.logs.setup import set_up_log
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.domain.records import from_attributes
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.store.identity.keys import read_start_key
from fotapool.store.identity.operators import has_admin

if TYPE_CHECKING:
    from fotapool.app import Server
    from fotapool.core.telemetry.shared import SharedCounts

log = Log(__name__)

IN_MEMORY = "sqlite://"
"""The database in memory. Its secrets end with the process, so password hashing can be cheap."""
BACKLOG = 2048
STOP_TLS_WITHIN_S = 3
"""The most that --stop-timeout-s counts with TLS: idle connections wait for a close message that may never arrive."""
THREAD_SWITCH_S = 0.000_2
"""The interpreter's switch interval: how long a thread that returns from I/O may wait for the event loop."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""
MMAP_FROM_BYTES = 1024 * 1024
"""Blocks from this size on go back to the operating system when they are freed.

By itself, glibc raises the limit to the largest block that was freed: after the first password hash, 19 MiB stay.
"""
TRIM_FROM_BYTES = 4 * 1024 * 1024
"""Free memory that stays at the end of the heap, so that large answers do not request it again each time."""
COLLECT_AFTER = 10_000
"""New objects before the garbage collector looks at them. By default 700: at each third request, most still in use."""
MALLOC_ARENAS = 1
"""Heaps of the process. Each further one would keep what its threads have freed."""


class StartFailed(Exception):
    """The server cannot start; the message says what to do."""


def prepare_process(settings: Settings, worker: int = 0) -> None:
    """Prepares a process of the server: private files, memory, the log, and a short switch interval of threads.

    `worker` is its number among --workers, from 1; 0 is the parent or the only process.
    """
    os.umask(PRIVATE_UMASK)
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    _return_freed_memory()
    set_up_log(settings.log_format, settings.log_level, worker)
    sys.setswitchinterval(THREAD_SWITCH_S)


def _return_freed_memory() -> None:
    """Keeps freed memory from adding up. Without glibc, it does nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_FROM_BYTES)
        mallopt(M_ARENA_MAX, MALLOC_ARENAS)


def choose_operator_key(settings: Settings) -> Settings:
    """The settings with a generated operator key, which is printed, if none was given and nobody has one.

    Nobody: the database has no operator with the role admin. A key that was given and is retired is logged.
    """
    given, somebody = settings.operator_key, False
    if settings.database != IN_MEMORY:
        with contextlib.suppress(StoreUnavailable, ValueError, Invalid):  # the server says what is wrong
            somebody, retired = _look_for_keys(settings)
            if retired:
                log.write(LogEvent.START_KEY_RETIRED)
    if given is not None or (somebody and not settings.emulator):
        return settings
    key = secrets.token_urlsafe(24)
    click.echo(f"operator key for this run: {key}  (set --operator-key to choose it)", err=True)
    return msgspec.structs.replace(settings, operator_key=key)


def _look_for_keys(settings: Settings) -> tuple[bool, bool]:
    """Whether the database has an operator with the role admin, and whether the given key is retired."""
    database = open_database(settings.database, durable=False, timeout_s=settings.database_timeout_s)
    try:
        connection = database.connect()
        try:
            if not connection.has_table("start_key"):
                return False, False
            key = settings.operator_key
            retired = key is not None and read_start_key(connection, token_hash(key)).retired_ms is not None
            return has_admin(connection), retired
        finally:
            connection.rollback()
            connection.close()
    finally:
        database.dispose()


def make_server(settings: Settings, counts: SharedCounts | None = None) -> Server:
    """The server; one of several workers has `counts`. Raises StartFailed."""
    from fotapool.app import Server
    from fotapool.core.telemetry.metrics import Metrics

    try:
        return Server(settings, metrics=Metrics(counts))
    except StoreMismatch as error:
        log.write(LogEvent.SCHEMA_MISMATCH, reason=error)
        raise StartFailed(str(error)) from error
    except (StoreUnavailable, ValueError, Invalid) as error:
        raise StartFailed(str(error)) from error


def run_until_stopped(running: uvicorn.Server, listener: socket.socket) -> None:
    """Runs the server on the socket until SIGTERM or SIGINT."""

    def stop(*_: object) -> None:
        running.should_exit = True

    # A signal may come before uvicorn handles it; and when it has stopped, uvicorn raises it again.
    signal.signal(signal.SIGTERM, stop)
    gc.freeze()  # modules and the application stay: no collection looks at them again
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        running.run(sockets=[listener])


def listen(settings: Settings) -> socket.socket:
    """Raises StartFailed, for example when the port is in use."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StartFailed(_why_not_listening(settings, error)) from error
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


def _why_not_listening(settings: Settings, error: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "stop the program that uses it, or choose another with --port; 0 picks a free one",
        errno.EACCES: "ports below 1024 may need more rights; choose another with --port",
    }.get(error.errno or 0, "--host must be an address of this machine, such as 127.0.0.1")
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; {advice}"


def address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls else 'http'}://{host}:{listener.getsockname()[1]}"


def connection_limits(settings: Settings) -> ConnectionLimits:
    return from_attributes(ConnectionLimits, settings)


def make_config(settings: Settings, app: Any) -> uvicorn.Config:
    """Raises StartFailed if the certificate of --tls cannot be made."""
    tls: dict[str, Any] = {}
    if settings.tls:
        from fotapool.cli.server.tls import ensure_certificates

        try:
            files = ensure_certificates(Path(settings.tls_directory))
        except OSError as error:
            raise StartFailed(f"cannot make certificates in {settings.tls_directory}: {error.strerror}") from error
        tls = {"ssl_certfile": str(files.certificate), "ssl_keyfile": str(files.key)}
    stop_within_s = min(settings.stop_timeout_s, STOP_TLS_WITHIN_S) if settings.tls else settings.stop_timeout_s
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=functools.partial(LimitedProtocol, connection_limits(settings)),  # type: ignore[arg-type]
        ws="none",  # with a WebSocket library installed, a connection would leave the limits
        log_config=None,  # its loggers write to the same log
        access_log=False,
        lifespan="on",
        server_header=False,
        date_header=False,
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=stop_within_s + CANCEL_AFTER_S,
        timeout_keep_alive=75,
        backlog=BACKLOG,
        **tls,
    )
