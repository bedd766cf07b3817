"""What a use case works with, and on whose behalf."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from fotapool.clock import Clock
from fotapool.settings import Settings
from fotapool.store.changes import Cause
from fotapool.store.database import NO_ENDINGS
from fotapool.store.reader import Reader
from fotapool.store.writer import Writer


def _new_uuid() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class Context:
    """One server's settings, clock, store and sources of chance."""

    settings: Settings
    clock: Clock
    reader: Reader
    writer: Writer
    new_uuid: Callable[[], str] = _new_uuid
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user or an operator, by which request; and the account it is about."""

    actor: str
    request_id: str
    account_id: int = 0
    account_name: str = ""
    endings: int = NO_ENDINGS
    """How many sign-ins had been ended when the caller was accepted, if its change has to check that again."""

    def cause(self, verb: str, **detail: object) -> Cause:
        return Cause(self.actor, self.request_id, verb, detail)


OPERATOR_PAGE = 1000
"""How many rows a list of the operator plane answers at most; one more is read to know of a next page."""
