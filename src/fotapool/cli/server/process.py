"""What each process of a server needs: preparation, application, socket, and the configuration of uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from fotapool.cli.server.protocol import ConnectionLimits, LimitedProtocol
from fotapool.cli.server.stopping import CANCEL_AFTER_S
from fotapool.core.private_files import PRIVATE_UMASK
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable

if TYPE_CHECKING:
    from fotapool.app import Server

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


def prepare_process() -> None:
    """Prepares a process of the server: private files, the log, memory, and a short switch interval of threads."""
    os.umask(PRIVATE_UMASK)
    _return_freed_memory()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    sys.setswitchinterval(THREAD_SWITCH_S)


def _return_freed_memory() -> None:
    """Keeps freed memory from adding up. Without glibc, it does nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_FROM_BYTES)
        mallopt(M_ARENA_MAX, MALLOC_ARENAS)


def make_server(settings: Settings) -> Server:
    """Raises StartFailed."""
    from fotapool.app import Server

    try:
        return Server(settings)
    except (StoreMismatch, StoreUnavailable, ValueError, Invalid) as error:
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
        http=functools.partial(LimitedProtocol, connection_limits(settings)),  # type: ignore[arg-type]
        log_level="warning",
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
