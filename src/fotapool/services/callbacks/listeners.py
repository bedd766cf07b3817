"""Callback listeners of an account: register, read, deregister; turn the signing of callbacks on and off."""

from __future__ import annotations

import base64
import binascii

from fotapool.domain.callbacks import OF_SERVICE, check_credential, check_url
from fotapool.domain.errors import ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.audit_log.drafts import MASKED
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.callbacks import listeners as store
from fotapool.store.callbacks.listeners import Listener
from fotapool.store.db.connection import Connection

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix of a secret, not a secret)
SECRET_BYTES = 24
MAX_SERVICES = 100
"""How many services an account may have registered that are kept and never called."""
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""Length of a decoded secret in bytes (Standard Webhooks, "Symmetric signatures")."""


async def register_listener(
    context: Context, caller: Caller, style: str, url: str, username: str | None = None, password: str | None = None
) -> None:
    """Registers or replaces the account's listener of the style; waiting deliveries go to the new URL.

    Raises RequestRejected: URL_INVALID, BODY_INVALID for credentials that are too long, or SERVICE_INVALID if the
    account has MAX_SERVICES already.
    """
    check_url(url, context.settings.private_targets_allowed)
    check_credential(username)
    check_credential(password)

    def register(connection: Connection, now_ms: int) -> None:
        if style.startswith(OF_SERVICE):
            others = [one for one in store.read_listeners(connection, caller.account_id) if one.style != style]
            if sum(one.style.startswith(OF_SERVICE) for one in others) >= MAX_SERVICES:
                raise RequestRejected(ErrorCode.SERVICE_INVALID)
        listener = Listener(
            account_id=caller.account_id,
            style=style,
            url=url,
            username=username,
            password=None if password is None else context.secrets.seal(password),
            created_ms=now_ms,
        )
        store.record_listener(connection, listener)

    await context.writer.submit(DirectCommand(register, caller=caller))


async def read_listener(context: Context, caller: Caller, style: str) -> Listener | None:
    """The account's listener of the style, or None."""
    found = await context.reader.short(store.read_listener, caller.account_id, style)
    return found and _opened(context, found)


def _opened(context: Context, listener: Listener) -> Listener:
    """The listener with its password decrypted."""
    if listener.password is None:
        return listener
    return listener._replace(password=context.secrets.open(listener.password))


async def list_listeners(context: Context, caller: Caller, with_passwords: bool = False) -> list[Listener]:
    """The account's listeners, at most one per style; without `with_passwords`, their passwords are encrypted."""
    found = await context.reader.short(store.read_listeners, caller.account_id)
    return [_opened(context, one) for one in found] if with_passwords else found


async def deregister_listener(context: Context, caller: Caller, style: str) -> bool:
    """Deletes the account's listener and cancels its waiting deliveries. Returns False if there was none."""

    def deregister(connection: Connection, now_ms: int) -> bool:
        listener = store.read_listener(connection, caller.account_id, style)
        if listener is None:
            return False
        store.delete_listener(connection, caller.account_id, style, now_ms)
        password = None if listener.password is None else MASKED
        shown = {"url": listener.url, "username": listener.username, "password": password}
        context.audit.record(connection, now_ms, shown)
        return True

    return await context.writer.submit(DirectCommand(deregister, caller=caller, inline=False))


async def remove_listener(context: Context, caller: Caller, style: str) -> None:
    """Deregisters a listener for an operator. Raises NotFound if there is none."""
    context.audit.about("listener", style, caller.account_name)
    if "\x00" in style or not await deregister_listener(context, caller, style):
        raise NotFound(f"account {caller.account_name} has no listener {style[:40]}")


async def turn_on_signing(context: Context, caller: Caller, secret: str | None) -> str:
    """Signs the account's callbacks with the given secret or a generated one; returns it. Raises Invalid."""
    if secret is None:
        secret = SECRET_PREFIX + base64.b64encode(context.random_bytes(SECRET_BYTES)).decode()
    _check_secret(secret)

    def turn_on(connection: Connection, now_ms: int) -> str:
        was_signing = store.read_signing_secret(connection, caller.account_id) is not None
        store.record_signing_secret(connection, caller.account_id, context.secrets.seal(secret), now_ms)
        context.audit.record(connection, now_ms, {"signing": was_signing}, {"signing": True, "secret": MASKED})
        return secret

    return await context.writer.submit(DirectCommand(turn_on, caller=caller))


async def turn_off_signing(context: Context, caller: Caller) -> None:
    """Stops signing the account's callbacks. Raises NotFound if they are not signed."""

    def turn_off(connection: Connection, now_ms: int) -> None:
        if not store.delete_signing_secret(connection, caller.account_id):
            of = f"callbacks of account {caller.account_name}" if caller.account_id else "webhooks of alerts"
            raise NotFound(f"{of} are not signed")
        context.audit.record(connection, now_ms, {"signing": True, "secret": MASKED}, {"signing": False})

    await context.writer.submit(DirectCommand(turn_off, caller=caller))


async def is_signing(context: Context, caller: Caller) -> bool:
    """Whether the account's callbacks are signed."""
    return await context.reader.short(store.read_signing_secret, caller.account_id) is not None


def _check_secret(secret: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise Invalid(
            f"secret must be {SECRET_PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes in base64;"
            " leave it out to have one generated"
        )
