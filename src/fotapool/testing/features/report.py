"""The report of a failed test: the account, its last requests, and refused requests that name no account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fotapool.testing.control import ControlFailed
from fotapool.testing.features.requests import SentRequest, read_requests

if TYPE_CHECKING:
    from fotapool.testing.account import Account

MAX_REQUESTS_SHOWN = 10
MAX_BODY_SHOWN = 600


def sections(account: Account) -> Iterator[tuple[str, str]]:
    """Titles and texts."""
    yield "fotapool: the account", account.describe()
    try:
        own = read_requests(account.server.control, account=account.name)
        others = _refused_of_nobody(account)
    except ControlFailed as error:
        if error.status == 404:  # the server records no requests
            return
        raise
    if own:
        yield "fotapool: its last requests", _text(own)
    if others:
        yield "fotapool: refused requests that name no account, or one that does not exist", _text(others)


def _refused_of_nobody(account: Account) -> list[SentRequest]:
    """Refused requests since the account was created: a wrong secret, password, path or account name.

    The server numbers its requests: `PREFIX-NUMBER`.
    """
    found = read_requests(account.server.control, nobody="true")
    prefix, _, number = account.created_by.rpartition("-")
    for place, one in enumerate(found):
        server, _, count = one.request_id.rpartition("-")
        if server == prefix and count.isdigit() and int(count) > int(number):
            return found[place:]
    return []


def _text(found: Iterable[SentRequest]) -> str:
    return "\n".join(_shown(one) for one in list(found)[-MAX_REQUESTS_SHOWN:])


def _shown(one: SentRequest) -> str:
    lines = [f"{one.time}  {one.method} {one.path}  {one.status}"]
    lines += [f"    {label} {text[:MAX_BODY_SHOWN]}" for label, text in (("sent", one.body), ("got ", one.answer))]
    return "\n".join([*lines, *(f"    hint {hint}" for hint in one.hints)])
