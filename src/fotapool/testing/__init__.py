"""For tests of your own code: a server, an account for each test, a callback inbox and assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fotapool.testing.account import Account
    from fotapool.testing.control import Control, ControlFailed
    from fotapool.testing.features.faults import Fault
    from fotapool.testing.features.requests import Requests, SentRequest
    from fotapool.testing.inbox import Callback, Inbox
    from fotapool.testing.server import Server, ServerFailed
    from fotapool.testing.signin import SignIn
    from fotapool.testing.views import AccountPool, AdvanceEvent, LedgerLine

__all__ = [
    "Account",
    "AccountPool",
    "AdvanceEvent",
    "Callback",
    "Control",
    "ControlFailed",
    "Fault",
    "Inbox",
    "LedgerLine",
    "Requests",
    "SentRequest",
    "Server",
    "ServerFailed",
    "SignIn",
]

_MODULES = {
    "Account": "account",
    "AccountPool": "views",
    "AdvanceEvent": "views",
    "Callback": "inbox",
    "Control": "control",
    "ControlFailed": "control",
    "Fault": "features.faults",
    "Inbox": "inbox",
    "LedgerLine": "views",
    "Requests": "features.requests",
    "SentRequest": "features.requests",
    "Server": "server",
    "ServerFailed": "server",
    "SignIn": "signin",
}

if not TYPE_CHECKING:  # a type checker must not believe that every name can be imported

    def __getattr__(name: str) -> object:
        """Imports on use: pytest loads the plugin also in suites that do not use it."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
