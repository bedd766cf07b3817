"""Listeners: register, read and deregister where an account's callbacks go, and turn their signatures on and off."""

from __future__ import annotations

import base64
import binascii

from fotapool.domain.callbacks import check_credential, check_url
from fotapool.domain.errors import Invalid, NotFound
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.callbacks import listeners as store
from fotapool.store.callbacks.listeners import Listener
from fotapool.store.db.connection import Connection

SECRET_PREFIX = "whsec_"  # noqa: S105 (says what kind of secret follows)
SECRET_BYTES = 24
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""How long a secret is, before it is written in base64 (Standard Webhooks, "Symmetric signatures")."""


class _Deregister(DirectCommand[bool]):
    inline = False  # up to a whole queue of deliveries is given up


async def register_listener(
    context: Context, caller: Caller, style: str, url: str, username: str | None = None, password: str | None = None
) -> None:
    """Registers or replaces the account's listener of the style; what waits goes to the new URL.

    Raises RequestRejected: URL_INVALID, or BODY_INVALID for credentials that are too long.
    """
    check_url(url, context.settings.private_targets_allowed)
    check_credential(username)
    check_credential(password)

    def register(connection: Connection, now_ms: int) -> None:
        store.record_listener(
            connection,
            Listener(
                account_id=caller.account_id,
                style=style,
                url=url,
                username=username,
                password=password,
                created_ms=now_ms,
            ),
        )

    command = DirectCommand(register, (caller.account_id,))
    command.auth_epoch = caller.auth_epoch
    await context.writer.submit(command)


async def read_listener(context: Context, caller: Caller, style: str) -> Listener | None:
    return await context.reader.short(store.read_listener, caller.account_id, style)


async def list_listeners(context: Context, caller: Caller) -> list[Listener]:
    """At most one a style."""
    return await context.reader.short(store.read_listeners, caller.account_id)


async def deregister_listener(context: Context, caller: Caller, style: str) -> bool:
    """Deregisters the account's listener and gives up what waits for it; answers whether there was one."""

    def deregister(connection: Connection, now_ms: int) -> bool:
        return store.delete_listener(connection, caller.account_id, style, now_ms)

    command = _Deregister(deregister, (caller.account_id,))
    command.auth_epoch = caller.auth_epoch
    return await context.writer.submit(command)


async def remove_listener(context: Context, caller: Caller, style: str) -> None:
    """The same for the operator. Raises NotFound."""
    if "\x00" in style or not await deregister_listener(context, caller, style):
        raise NotFound(f"account {caller.account_name} has no listener {style[:40]}")


async def turn_on_signing(context: Context, caller: Caller, secret: str | None) -> str:
    """Signs the account's callbacks from now on; answers the secret, made here if none is given. Raises Invalid."""
    if secret is None:
        secret = SECRET_PREFIX + base64.b64encode(context.random_bytes(SECRET_BYTES)).decode()
    _check_secret(secret)

    def turn_on(connection: Connection, now_ms: int) -> str:
        store.record_signing_secret(connection, caller.account_id, secret, now_ms)
        return secret

    return await context.writer.submit(DirectCommand(turn_on, (caller.account_id,)))


async def turn_off_signing(context: Context, caller: Caller) -> None:
    """Raises NotFound if it is off."""

    def turn_off(connection: Connection, now_ms: int) -> None:
        if not store.delete_signing_secret(connection, caller.account_id):
            raise NotFound(f"callbacks of account {caller.account_name} are not signed")

    await context.writer.submit(DirectCommand(turn_off, (caller.account_id,)))


async def is_signing(context: Context, caller: Caller) -> bool:
    return await context.reader.short(store.read_signing_secret, caller.account_id) is not None


def _check_secret(secret: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise Invalid(
            f"secret must be {SECRET_PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes in base64;"
            " without one it is made here"
        )
