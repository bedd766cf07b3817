"""The request that the running task handles: its id, its sender and its account, for each line of the log."""

from __future__ import annotations

from contextvars import ContextVar


class CurrentRequest:
    """What is known of a request so far; `actor` is a client, user, operator or device, `account` a name."""

    __slots__ = ("account", "actor", "request_id")

    def __init__(self, request_id: str | bytes) -> None:
        self.request_id = request_id
        self.actor = ""
        self.account = ""

    def fields(self) -> dict[str, str]:
        """What is known, by the names that lines of the log use."""
        request_id = self.request_id if isinstance(self.request_id, str) else self.request_id.decode()
        found = {"request_id": request_id, "actor": self.actor, "account": self.account}
        return {name: value for name, value in found.items() if value}


_current: ContextVar[CurrentRequest | None] = ContextVar("fotapool_request", default=None)

current_request = _current.get
"""Returns the request that the running task handles, or None."""


def begin_request(request_id: str | bytes) -> None:
    """From here on, lines of the running task belong to this request."""
    _current.set(CurrentRequest(request_id))


def clear_request() -> None:
    """From here on, lines of the running task belong to no request."""
    _current.set(None)


def note_sender(actor: str, account: str = "") -> None:
    """Notes who sent the request, and the account that it is about."""
    request = _current.get()
    if request is not None:
        request.actor = actor
        request.account = account or request.account


def note_account(account: str) -> None:
    """Notes the account that the request is about."""
    request = _current.get()
    if request is not None:
        request.account = account
