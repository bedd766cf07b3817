"""API clients (OAuth client credentials), as operators manage them."""

from __future__ import annotations

from fotapool.core import hashing
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import check_overlap
from fotapool.services.audit_log.drafts import MASKED
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.services.identity.bearers import looks_encoded
from fotapool.services.identity.credentials import check_key, given_or_generated, is_key
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sessions as store
from fotapool.store.identity.sessions import ListedClient


async def create_client(context: Context, key: str | None, secret: str | None) -> tuple[str, str]:
    """Creates an API client; returns its key and secret. Raises Invalid or Conflict."""
    new_key = key if key is not None else context.new_uuid()
    context.audit.about("client", new_key)
    check_key(new_key)
    secret = given_or_generated(context, secret, "secret")
    check_not_encoded(new_key, secret)
    secret_hash = await hashing.hash_secret(secret)

    def create(connection: Connection, now_ms: int) -> None:
        check_key_is_free(connection, new_key)
        store.record_client(connection, new_key, secret_hash, now_ms)
        context.audit.record(connection, now_ms, after={"secret": MASKED})

    await context.writer.submit(DirectCommand(create))
    return new_key, secret


def check_key_is_free(connection: Connection, key: str) -> None:
    """Raises Conflict if an API client has the key."""
    if store.read_client(connection, key) is not None:
        raise Conflict(f"client {key} exists already")


def check_not_encoded(key: str, secret: str) -> None:
    """Raises Invalid for a key and secret that in HTTP Basic would be read as percent-encoded ones."""
    if looks_encoded(key, secret):
        raise Invalid("key and secret must not look percent-encoded, with % and two hexadecimal digits")


async def rotate_client_secret(
    context: Context, key: str, secret: str | None, overlap_ms: int
) -> tuple[str, int | None]:
    """Replaces a client's secret; returns the new one, and when (ms) the old one expires.

    None: the old one has ended, with its token. Two secrets are valid at most: one that was replaced before ends now,
    with its token. Raises Invalid or NotFound.
    """
    context.audit.about("client", key)
    check_overlap(overlap_ms)
    new_secret = given_or_generated(context, secret, "secret")
    check_not_encoded(key, new_secret)
    secret_hash = await hashing.hash_secret(new_secret)

    def rotate(connection: Connection, now_ms: int) -> int | None:
        _check_exists(connection, key)
        expires_ms = now_ms + overlap_ms if overlap_ms else None
        store.record_secret_replaced(connection, key, secret_hash, expires_ms)
        expires = None if expires_ms is None else format_timestamp(expires_ms)
        context.audit.record(connection, now_ms, after={"secret": MASKED, "oldSecretExpires": expires})
        return expires_ms

    return new_secret, await context.writer.submit(DirectCommand(rotate))


def _check_exists(connection: Connection, key: str) -> None:
    if not is_key(key) or store.read_client(connection, key) is None:
        raise NotFound(f"client {key} does not exist")


async def list_clients(context: Context, after: str, limit: int) -> list[ListedClient]:
    """API clients by key, after the given one."""
    most = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.short(store.read_clients, after, most, context.clock.now_ms())


async def delete_client(context: Context, key: str) -> None:
    """Deletes an API client and ends its token. Raises NotFound."""

    context.audit.about("client", key)

    def delete(connection: Connection, now_ms: int) -> None:
        _check_exists(connection, key)
        store.record_client_deleted(connection, key)
        context.audit.record(connection, now_ms, {"secret": MASKED})

    await context.writer.submit(DirectCommand(delete))
