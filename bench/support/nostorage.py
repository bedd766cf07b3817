"""The no-storage server: the complete application, with sign-ins and results made up in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fotapool.app import Server
from fotapool.cli.server import process
from fotapool.cli.server.running import _AnnouncingServer
from fotapool.core.settings import Settings
from fotapool.domain.licenses.licenses import Outcome
from fotapool.services.licenses.licenses import LicenseResult
from fotapool.store.callbacks.leases import read_due_listeners
from fotapool.store.identity.sessions import SignInRow, read_auth_epoch_and_sign_ins


class MemoryReader:
    """Treats every sign-in as valid; returns nothing else."""

    inline = True

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    async def short(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if query is read_due_listeners:
            return []
        if query is not read_auth_epoch_and_sign_ins:
            return None
        now_ms = self._now_ms()
        return 0, [
            SignInRow(
                client_key="bench",
                bearer_issued_ms=now_ms,
                bearer_revoked=0,
                username="bench",
                last_used_ms=now_ms,
                account_id=1,
                account_status="active",
            )
            for _ in args[0]
        ]

    def stop(self) -> None: ...


class MemoryWriter:
    """Returns that every device got a license."""

    waiting = submitted = 0

    async def stop(self) -> None: ...

    async def submit(self, command: Any) -> Any:
        return LicenseResult([Outcome.ASSIGNED] * command.devices, 1_000_000, 500_000)


def main() -> None:
    settings = Settings(port=0, operator_key="bench", database="sqlite://")
    server = Server(settings)
    context = server.context
    context.reader = MemoryReader(server.clock.now_ms)  # type: ignore[assignment]
    context.writer = MemoryWriter()  # type: ignore[assignment]
    server.authenticator._inline = True
    listener = process.listen(settings)
    # The same uvicorn with the same configuration is the point here.
    served = _AnnouncingServer(process.make_config(settings, server.app), settings, server.readiness)
    served.url = process.address(settings, listener)
    served.run(sockets=[listener])


if __name__ == "__main__":
    main()
