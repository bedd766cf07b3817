"""People who sign in to the console through an OpenID provider, and have no key."""

from __future__ import annotations

import hashlib

from fotapool.core.logs.context import note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import Conflict
from fotapool.services.audit_log.drafts import Via
from fotapool.services.audit_log.entries import count_wrong_key
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.oidc.providers import oidc_settings
from fotapool.services.identity.operators import FIRST_OPERATOR
from fotapool.store.db.connection import Connection
from fotapool.store.identity import people as store
from fotapool.store.identity.operators import Operator, read_operator
from fotapool.store.identity.people import Person

log = Log(__name__)


async def record_person(context: Context, person: Person, real_now_ms: int) -> Operator:
    """Stores who has signed in; returns the person as an operator.

    Raises Conflict if the name is that of an operator with a key, or of another person who may be signed in.
    """

    def record(connection: Connection, _: int) -> None:
        if person.name == FIRST_OPERATOR or read_operator(connection, person.name) is not None:
            raise Conflict(f"an operator with a key has the name {person.name}")
        known = store.read_person(connection, person.name)
        if known is not None and known.sub != person.sub and known.expires_ms > real_now_ms:
            raise Conflict(f"another person with the name {person.name} is signed in")
        store.record_person(connection, person, real_now_ms)

    await context.writer.submit(DirectCommand(record))
    note_sender(person.name)
    return _operator(person)


async def find_person(context: Context, name: str) -> Operator | None:
    """The person of this name as an operator; None also if the settings of the provider have changed since."""
    settings = oidc_settings(context.settings)
    if settings is None:
        return None
    person = await context.reader.short(store.read_person, name)
    return None if person is None or person.provider != settings.digest else _operator(person)


def count_refused_person(context: Context, provider: str, reason: str, *, address: str, request_id: str) -> None:
    """Logs a sign-in through the provider that was refused, and counts it like a wrong operator key."""
    log.write(LogEvent.PERSON_REFUSED, provider=provider, address=address or "an unknown address", reason=reason[:500])
    context.throttle.failed(f"operator from {address}")
    count_wrong_key(context, Via.CONSOLE, address, request_id, reason=reason)


def _operator(person: Person) -> Operator:
    """The person as an operator; in place of a key, the digest of provider and subject binds its sessions."""
    digest = hashlib.sha256(person.provider + person.sub.encode()).digest()
    return Operator(person.name, person.role, digest, 0)
