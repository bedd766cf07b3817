"""The end of a server: it drains on SIGTERM, finishes the requests in progress, and stops within a bounded time.

While it drains it serves as before, but `/health/ready` answers 503 and every connection is closed after its answer, so
that load balancers go elsewhere. Then it takes the connections that already wait, closes the port, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any

import uvicorn

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.settings import Settings
from fotapool.services.system.readiness import Readiness

log = Log(__name__)

POLL_S = 0.05
NEW_CONNECTION_POLLS = 20
"""How long, in POLL_S, a connection that was accepted just before the end may take to send its request."""
CANCEL_AFTER_S = 1
"""When requests are canceled whose connections were closed because they took too long."""
ACCEPT_ROUNDS = 50
"""How often waiting connections are accepted before the port closes."""
EXIT_AFTER_S = 15
"""How long everything after the requests may take (callbacks, the last commit) before the process ends as it is."""
CLOSE = (b"connection", b"close")


class StoppingServer(uvicorn.Server):
    """A uvicorn server that drains before it stops. A second signal, or SIGINT, ends the drain."""

    def __init__(self, config: uvicorn.Config, settings: Settings, readiness: Readiness) -> None:
        super().__init__(config)
        self._drain_s = settings.drain_s
        self._stop_timeout_s = (config.timeout_graceful_shutdown or 0) - CANCEL_AFTER_S
        self._readiness = readiness
        self._drained_at_s: float | None = None
        """When the drain ends, by the event loop's clock."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self.started and self._drain_s and not self._readiness.draining:
            self._readiness.draining = True  # the next tick, within 0.1 s, begins the drain
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        stops = await super().on_tick(counter)
        if self._readiness.draining and not stops:
            now_s = asyncio.get_running_loop().time()
            if self._drained_at_s is None:
                self._drained_at_s = now_s + self._drain_s
                self._close_after_answers()
                log.write(LogEvent.SERVER_DRAINING, drain_s=self._drain_s)
            return now_s >= self._drained_at_s
        return stops

    def _close_after_answers(self) -> None:
        """Closes every connection after its next answer."""
        if CLOSE not in self.config.encoded_headers:
            self.config.encoded_headers = [*self.config.encoded_headers, CLOSE]
            self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in self._connections():
            if connection.cycle is not None:
                connection.cycle.keep_alive = False

    def _connections(self) -> list[Any]:
        return list(self.server_state.connections)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._readiness.draining = True
        log.write(LogEvent.SERVER_STOPPING)
        self._exit_late()
        self._close_after_answers()
        await self._accept_waiting(sockets or [])
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._wait_for_first_requests()
        late = asyncio.create_task(self._end_late_requests())
        try:
            await super().shutdown(None)
        finally:
            late.cancel()
        log.write(LogEvent.SERVER_STOPPED)

    async def _accept_waiting(self, sockets: list[socket.socket]) -> None:
        """Accepts what waits at the port: closing it would reset connections whose requests are on their way."""
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPT_ROUNDS):
            accepted = [one for listener in sockets for one in _waiting_at(listener)]
            if not accepted:
                return
            opened = (loop.connect_accepted_socket(self._protocol, one, ssl=self.config.ssl) for one in accepted)
            await asyncio.gather(*opened, return_exceptions=True)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def _wait_for_first_requests(self) -> None:
        for _ in range(NEW_CONNECTION_POLLS):
            if all(connection.cycle is not None for connection in self._connections()):
                return
            await asyncio.sleep(POLL_S)

    async def _end_late_requests(self) -> None:
        await asyncio.sleep(self._stop_timeout_s)
        late = self._connections()
        log.write(LogEvent.REQUESTS_CUT, requests=len(late), stop_timeout_s=self._stop_timeout_s)
        for connection in late:
            connection.transport.abort()

    def _exit_late(self) -> None:
        """Ends the process if it does not end by itself. What was answered is stored: nothing is lost."""

        def end() -> None:
            log.write(LogEvent.SERVER_STOP_FORCED, seconds=EXIT_AFTER_S)
            os._exit(1)

        timer = threading.Timer(self._stop_timeout_s + EXIT_AFTER_S, end)
        timer.daemon = True
        timer.start()


def _waiting_at(listener: socket.socket) -> list[socket.socket]:
    listener.setblocking(False)
    found: list[socket.socket] = []
    with contextlib.suppress(OSError):  # no more, or closed
        while True:
            accepted, _ = listener.accept()
            accepted.setblocking(False)
            found.append(accepted)
    return found
