"""What a use case works with, and on whose behalf."""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from fotapool.core.clock import Clock
from fotapool.core.settings import Settings
from fotapool.services.accounts.rejection_counter import RejectionCounter
from fotapool.store.db.connection import NO_AUTH_EPOCH
from fotapool.store.db.reader import Reader
from fotapool.store.db.writer import Writer
from fotapool.store.licenses.changes import Cause


def _new_uuid() -> str:
    return str(uuid.uuid4())


class SeededChance:
    """Ids and bytes that are the same in each run with the same seed; for the emulator only: they can be guessed."""

    def __init__(self, seed: int) -> None:
        self.random_bytes = random.Random(seed).randbytes  # noqa: S311 - they are to be the same again

    def new_uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random_bytes(16), version=4))


class Contents(Protocol):
    """Where the contents of files and packages are kept, each under a key of its own.

    Every call raises ContentsUnavailable (services/packages/contents.py) if the storage does not answer.
    """

    async def store(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Keeps what the chunks are, all of it or, if they raise, nothing; the error is passed on."""

    async def read(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        """The octets from `first` up to `end`, in chunks."""

    async def delete(self, key: str) -> None:
        """Deletes a content; one that is not there is no error."""


class _NoContents:
    """For contexts of tools that neither store nor serve contents."""

    async def store(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        raise NotImplementedError

    async def read(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class Context:
    """One server's settings, clock, store and sources of chance."""

    settings: Settings
    clock: Clock
    reader: Reader
    writer: Writer
    new_uuid: Callable[[], str] = _new_uuid
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)
    contents: Contents = field(default_factory=_NoContents)
    stepping: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever does what is due: the background, or a move of the test clock."""
    refusals: RejectionCounter = field(default_factory=RejectionCounter)
    """What accounts were refused and is not written yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user or an operator, by which request; and the account it is about."""

    actor: str
    request_id: str
    account_id: int = 0
    account_name: str = ""
    auth_epoch: int = NO_AUTH_EPOCH
    """How many sign-ins had been ended when the caller was accepted, if its change has to check that again."""

    def cause(self, verb: str, **detail: object) -> Cause:
        return Cause(self.actor, self.request_id, verb, detail)


OPERATOR_PAGE = 1000
"""How many rows a list of the operator plane answers at most; one more is read to know of a next page."""
