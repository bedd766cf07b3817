"""What services work with: the server's context, and the caller they act for."""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from fotapool.core.clock import Clock
from fotapool.core.secret_box import SecretBox
from fotapool.core.settings import Settings
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.telemetry.tracing import OFF, Tracing
from fotapool.core.throttle import FailureThrottle
from fotapool.domain.idempotency import KeyedRequest, KeyName
from fotapool.services.accounts.rejection_counter import RejectionCounter
from fotapool.services.audit_log.drafts import NOT_AUDITED, AuditDraft
from fotapool.services.audit_log.wrong_keys import WrongKeys
from fotapool.services.identity.keys.uses import KeyUses
from fotapool.services.system.readiness import Readiness
from fotapool.store.db.connection import NO_AUTH_EPOCH
from fotapool.store.db.reader import Reader
from fotapool.store.db.writer import Writer
from fotapool.store.licenses.licenses import Cause


def _new_uuid() -> str:
    return str(uuid.uuid4())


class SeededChance:
    """Ids and bytes that repeat in each run with the same seed. They can be guessed: for the emulator only."""

    def __init__(self, seed: int) -> None:
        self.random_bytes = random.Random(seed).randbytes  # noqa: S311 - repeatable, not secret

    def new_uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random_bytes(16), version=4))


class Contents(Protocol):
    """The storage of uploaded contents, each under its own key.

    Every method raises ContentsUnavailable (services/packages/contents.py) if the storage does not answer, `check` and
    `read` raise ContentLost if it lacks a content or has another size of it.
    """

    async def store(self, key: str, chunks: AsyncIterator[bytes], owner: str = "") -> None:
        """Stores the chunks. If they raise, stores nothing and passes the error on.

        An account (`owner`) may only have some uploads at a time, so that one cannot take all of them.
        """
        raise NotImplementedError

    async def check(self, key: str, size: int) -> None:
        """Returns if there is a content of so many bytes."""
        raise NotImplementedError

    async def read(self, key: str, size: int, first: int, end: int) -> AsyncIterator[bytes]:
        """Returns the bytes from offset `first` up to `end` of a content of so many bytes, in chunks."""
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        """Deletes a content, if it exists."""
        raise NotImplementedError


class _NoContents(Contents):
    """For contexts of tools that neither store nor serve contents."""


class Context(msgspec.Struct):
    """One server's settings, clock, store and sources of randomness."""

    settings: Settings
    clock: Clock
    reader: Reader
    writer: Writer
    new_uuid: Callable[[], str] = _new_uuid
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    contents: Contents = msgspec.field(default_factory=_NoContents)
    step_lock: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    """Held while due work runs: in the background, or during an advance of the test clock."""
    secrets: SecretBox = msgspec.field(default_factory=SecretBox)
    throttle: FailureThrottle = msgspec.field(default_factory=FailureThrottle)
    """Slows down repeated failures to sign in."""
    rejections: RejectionCounter = msgspec.field(default_factory=RejectionCounter)
    """Rejections that are not written yet."""
    readiness: Readiness = msgspec.field(default_factory=Readiness)
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    tracing: Tracing = OFF
    wrong_keys: WrongKeys = msgspec.field(default_factory=WrongKeys)
    """Attempts with unknown operator keys that are not in the audit log yet."""
    key_uses: KeyUses = msgspec.field(default_factory=KeyUses)
    """The last uses of keys that are not stored yet."""
    keys_in_use: set[KeyName] = msgspec.field(default_factory=set)
    """The idempotency keys of the changes that this server handles now."""
    audit: AuditDraft = msgspec.field(default_factory=lambda: NOT_AUDITED)
    """The audit log's entry about the operation of an operator; a service records it in the transaction of a change."""


class Caller(msgspec.Struct, frozen=True):
    """Who makes a request (a user, an operator, a device or the worker), and the account that it is about."""

    actor: str
    request_id: str
    account_id: int = 0
    account_name: str = ""
    auth_epoch: int = NO_AUTH_EPOCH
    """The auth epoch at which the caller was accepted, if a change must check it again."""
    keyed: KeyedRequest | None = None
    """The idempotency key of the request, if a change has one."""

    def cause(self, verb: str, **detail: object) -> Cause:
        return Cause(self.actor, self.request_id, verb, detail)


WORKER = "engine"
"""The actor of the worker's changes, as the ledger and the operator API name it."""
OPERATOR_PAGE = 1000
"""Maximum number of rows of an operator API list; services read one more to know whether there is a next page."""
LAST_ID = 2**62
"""Above the id of every row: where a list begins that goes from the newest row to the oldest."""
