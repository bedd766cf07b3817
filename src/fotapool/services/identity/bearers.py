"""API clients sign in with key and secret, and get bearer tokens. Each request costs one hash at most.

The exception is the first token of an hour: its client's secret is verified, and the token is derived.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import msgspec

from fotapool.core import hashing
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.domain.identity import BEARER_LIFETIME_MS, bearer_is_valid
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sessions as store
from fotapool.store.identity.sessions import Client

log = Log(__name__)

NONCE_BYTES = 16
MAX_SHOWN = 200
"""How many characters of a client's key the log shows."""
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~*+-]|%[0-9A-Fa-f]{2})*", re.ASCII)


class Bearer(msgspec.Struct, frozen=True):
    """A bearer token and its remaining lifetime in seconds."""

    token: str
    expires_in_s: int


def looks_encoded(*parts: str) -> bool:
    """Whether the texts are as after percent-encoding (RFC 6749, 2.3.1), and not also as before."""
    return all(_ENCODED.fullmatch(part) for part in parts) and any("%" in part for part in parts)


async def verify_client(context: Context, key: str, secret: str, address: str) -> tuple[Client | None, str]:
    """The client and its secret, percent-encoded as the standard has it, or plain as the vendor's SDKs send them.

    None if the key or the secret is wrong; a wrong key takes as long as a wrong secret. Raises RequestRejected(BUSY) if
    too many hashes are waiting, or too many sign-ins from the address have failed.
    """
    if looks_encoded(key, secret):
        key, secret = unquote(key), unquote(secret)
    clients = await context.reader.short(_read_clients, key, context.clock.now_ms()) if key.isprintable() else []
    for client in clients:
        if hashing.queue.is_verified(client.secret_hash, secret):
            return client, secret
    keys = f"client from {address}", f"client {key[:200]} from {address}"
    try:
        context.throttle.check(*keys)
        candidates: list[Client | None] = [*clients] or [None]
        for one in candidates:
            if await _is_secret_of(context, one, secret) and one is not None:
                return one, secret
    except (hashing.HashingBusy, Throttled) as error:
        raise RequestRejected(ErrorCode.BUSY) from error
    context.throttle.failed(*keys)
    log.write(LogEvent.CLIENT_REFUSED, client=key[:MAX_SHOWN], address=address or "an unknown address")
    return None, ""


def _read_clients(connection: Connection, key: str, now_ms: int) -> list[Client]:
    """The client with each of its valid secrets, the present one first."""
    found = (store.read_client(connection, key), store.read_replaced_client(connection, key, now_ms))
    return [client for client in found if client is not None]


async def _is_secret_of(context: Context, client: Client | None, secret: str) -> bool:
    """Whether it is the client's secret: by its valid bearer token, which will be needed anyway, or by its hash."""
    if client is None or client.nonce is None or client.token_hash is None or not _has_bearer(context, client):
        return await hashing.verify_secret(client.secret_hash if client else None, secret)
    token = await hashing.queue.run(hashing.derive_right_token_now, secret, client.nonce, client.token_hash)
    if token is None:
        return False
    hashing.queue.remember(client.secret_hash, secret)
    hashing.queue.remember_token(secret, client.nonce, token)
    return True


def _has_bearer(context: Context, client: Client) -> bool:
    now_ms = context.clock.now_ms()
    return client.issued_ms is not None and bearer_is_valid(client.issued_ms, bool(client.revoked), now_ms)


async def issue_bearer(context: Context, client: Client, secret: str, address: str = "") -> Bearer | None:
    """The client's valid bearer token, or a new one, asked for from the address. The caller has verified the secret.

    None if the client was deleted meanwhile, or has another secret. Raises RequestRejected(BUSY).
    """
    try:
        if _has_bearer(context, client):
            return await _existing(context, client, secret)
        nonce = context.random_bytes(NONCE_BYTES)
        token = await hashing.derive_token(secret, nonce)
    except hashing.HashingBusy as error:
        raise RequestRejected(ErrorCode.BUSY) from error

    def issue(connection: Connection, now_ms: int) -> Client | None:
        same = (one for one in _read_clients(connection, client.key, now_ms) if one.secret_hash == client.secret_hash)
        latest = next(same, None)
        if latest is None:
            raise NotFound(f"client {client.key} does not exist")
        if latest.issued_ms is not None and bearer_is_valid(latest.issued_ms, bool(latest.revoked), now_ms):
            return latest
        store.record_bearer(
            connection,
            token_hash=hashing.token_hash(token),
            client=latest,
            nonce=nonce,
            now_ms=now_ms,
            address=address[:MAX_SHOWN],
        )
        return None

    try:
        existing = await context.writer.submit(DirectCommand(issue))
    except NotFound:
        return None
    if existing is None:
        return Bearer(token, BEARER_LIFETIME_MS // 1000)
    try:
        return await _existing(context, existing, secret)
    except hashing.HashingBusy as error:
        raise RequestRejected(ErrorCode.BUSY) from error


async def _existing(context: Context, client: Client, secret: str) -> Bearer:
    left_ms = (client.issued_ms or 0) + BEARER_LIFETIME_MS - context.clock.now_ms()
    return Bearer(await hashing.derive_token(secret, client.nonce or b""), max(0, left_ms // 1000))


async def revoke_bearer(context: Context, client_key: str, token: str) -> None:
    """Revokes a token of the client; does nothing for a token of another client."""
    token_hash = hashing.token_hash(token)
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_bearer_revoked(connection, token_hash, client_key))
    )
