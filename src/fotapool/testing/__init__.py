"""For tests of your own code: a server, an account for each test, a callback inbox and assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fotapool.testing.account import Account
    from fotapool.testing.server import Server, ServerFailed

__all__ = ["Account", "Server", "ServerFailed"]


def __getattr__(name: str) -> Any:
    """Imports on use: pytest loads the plugin also in suites that do not use it."""
    if name == "Account":
        from fotapool.testing.account import Account

        return Account
    if name in ("Server", "ServerFailed"):
        from fotapool.testing import server

        return getattr(server, name)
    raise AttributeError(name)
