"""What each process of a server needs: preparation, application, socket, and the configuration of uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import functools
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from fotapool.cli.server.protocol import ConnectionLimits, LimitedProtocol
from fotapool.cli.server.stopping import CANCEL_AFTER_S
from fotapool.core.files import PRIVATE_UMASK
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.logs.setup import set_up_log
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.domain.records import from_attributes
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable

if TYPE_CHECKING:
    from fotapool.app import Server
    from fotapool.core.telemetry.shared import SharedCounts

log = Log(__name__)

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
MALLOC_ARENAS = 1
"""Heaps of the process. Each further one would keep what its threads have freed."""


class StartFailed(Exception):
    """The server cannot start; the message says what to do."""


def prepare_process(settings: Settings, worker: int = 0) -> None:
    """Prepares a process of the server: private files, the log, memory, and a short switch interval of threads.

    `worker` is its number among --workers, from 1; 0 is the parent or the only process.
    """
    os.umask(PRIVATE_UMASK)
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
