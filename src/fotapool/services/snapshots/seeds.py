"""Seeds: checks a seed document or a snapshot, and applies it to an empty database or in place of an existing one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from fotapool.core import hashing
from fotapool.domain.accounts.descriptions import clean_display_name, clean_notes
from fotapool.domain.accounts.subscriptions import check_total
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.candidates import MAX_CANDIDATES, decide_candidates
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType, is_account_name, is_device_id
from fotapool.services.commands import DirectCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import IMPORT_BATCH, import_into
from fotapool.services.identity.api_clients import check_not_encoded
from fotapool.services.identity.credentials import check_key, check_name, check_secret
from fotapool.services.identity.users import MAX_ACCOUNTS
from fotapool.services.simulation.fleets import read_fleets
from fotapool.services.snapshots.rows_from_document import DatabaseImage, read_image
from fotapool.services.snapshots.seed_documents import (
    SeedAccount,
    SeedDocument,
    check_devices,
    check_unique,
    read_devices,
)
from fotapool.services.snapshots.snapshot_documents import Snapshot
from fotapool.services.snapshots.snapshots import restore_image, restore_rows, store_contents
from fotapool.store.accounts.accounts import read_accounts, record_account, record_description, record_pools
from fotapool.store.db.connection import Connection
from fotapool.store.db.schema import delete_everything
from fotapool.store.identity import sessions
from fotapool.store.licenses.candidates import record_candidates
from fotapool.store.packages.packages import read_packages, record_packages
from fotapool.store.simulation import record_fleets
from fotapool.store.snapshots import read_last_ids, replace_rows

SEEDER = Caller("seed", "")


@dataclass(frozen=True, slots=True)
class Seed:
    """A checked seed document and the hashes of its secrets, so that a reset is fast; or the image of a snapshot."""

    document: SeedDocument
    hashes: dict[str, str]
    image: DatabaseImage | None = None
    """Set instead of the document for a snapshot."""


def check_document(document: SeedDocument, now_ms: int) -> None:
    """Raises Invalid for what is wrong with the document itself, before anything is stored."""
    for client in document.clients:
        check_key(client.key)
        check_secret(client.secret, f"client {client.key}: secret")
        check_not_encoded(client.key, client.secret)
    for account in document.accounts:
        _check_account(account, now_ms)
    _check_users(document)
    for place, package in enumerate(document.firmware):
        try:
            package.to_package(now_ms)
        except Invalid as error:
            raise Invalid(f"firmware[{place}]: {error}") from error
    named = {
        "client": [client.key for client in document.clients],
        "user": [user.username for user in document.users],
        "account": [account.name for account in document.accounts],
        "firmware": [package.firmwareName for package in document.firmware],
    }
    for what, names in named.items():
        check_unique(what, names)


def _check_users(document: SeedDocument) -> None:
    known = {account.name for account in document.accounts}
    for user in document.users:
        check_name(user.username, "username")
        check_secret(user.password, f"user {user.username}: password")
        unknown = [name for name in user.accounts if name not in known]
        if unknown:
            raise Invalid(f"user {user.username} names account {unknown[0]}, which the seed does not have")
        if len(user.accounts) > MAX_ACCOUNTS:
            raise Invalid(f"user {user.username} has more than {MAX_ACCOUNTS} accounts")


def _check_account(account: SeedAccount, now_ms: int) -> None:
    if not is_account_name(account.name):
        raise Invalid(f"{account.name[:100]!r} is no account name: 1 to 64 letters, digits, '-', '_' or '.'")
    try:
        check_total(PurchaseType.parse(account.purchaseType), account.licenseCount)
    except (ValueError, Invalid) as error:
        raise Invalid(f"account {account.name}: {error}") from error
    malformed = [device for device in account.candidates if not is_device_id(device)]
    if malformed:
        raise Invalid(f"account {account.name}: candidate {malformed[0][:40]!r} is not a 15-digit IMEI")
    if len(account.candidates) > MAX_CANDIDATES:
        raise Invalid(f"account {account.name} has more than {MAX_CANDIDATES} candidates")
    check_devices(account, now_ms)
    try:
        clean_display_name(account.displayName), clean_notes(account.notes)
    except Invalid as error:
        raise Invalid(f"account {account.name}: {error}") from error
    try:
        read_fleets(account.fleet)
    except Invalid as error:
        raise Invalid(f"account {account.name}, fleet: {error}") from error


async def prepare_seed(document: SeedDocument | Snapshot, now_ms: int) -> Seed:
    """Checks the document and hashes its secrets. Raises Invalid that says what is wrong."""
    if isinstance(document, Snapshot):
        return Seed(SeedDocument(), {}, await asyncio.to_thread(read_image, document))
    check_document(document, now_ms)
    secrets = {client.secret for client in document.clients} | {user.password for user in document.users}
    return Seed(document, {secret: await hashing.hash_secret(secret) for secret in secrets})


async def seed_empty_database(context: Context, seed: Seed) -> bool:
    """Applies the seed in one transaction if the database is empty; returns whether it was.

    Raises Invalid, and ContentsUnavailable; then nothing is stored.
    """
    if not context.settings.emulator and any(account.fleet for account in seed.document.accounts):
        raise Invalid("simulated devices (fleet) are for `fotapool emulate`")
    if not context.settings.emulator and seed.image is not None:
        raise Invalid("a snapshot is for `fotapool emulate`, because it has a time of its own")
    if seed.image is not None:
        await store_contents(context, seed.image)

    def apply(connection: Connection, now_ms: int) -> bool:
        connection.lock_setup()
        if not _is_empty(connection):
            return False
        if seed.image is not None:
            restore_rows(connection, context, seed.image, audited=False)
        else:
            _apply(connection, seed, now_ms)
        context.audit.record(connection, now_ms)
        return True

    return await context.writer.submit(DirectCommand(apply, alone=True, inline=False))


async def reset_to_seed(context: Context, seed: Seed, reset_clock: Callable[[], None]) -> None:
    """Deletes everything, resets the clock, and applies the seed."""

    def reset(connection: Connection, now_ms: int) -> None:
        delete_everything(connection)
        reset_clock()
        if seed.image is not None:
            restore_rows(connection, context, seed.image, audited=True)
        else:
            _apply(connection, seed, context.clock.now_ms())
        context.audit.record(connection, now_ms)

    await context.writer.submit(DirectCommand(reset, alone=True))


async def replace_by_seed(context: Context, seed: Seed) -> None:
    """Replaces everything but the operators by the seed; a snapshot also sets the clock.

    Steps and deliveries must be paused. Raises Invalid, and ContentsUnavailable; then nothing has changed.
    """
    if seed.image is not None:
        await restore_image(context, seed.image)
        return

    def replace(connection: Connection, now_ms: int) -> None:
        last_ids = read_last_ids(connection)
        replace_rows(connection, {})
        try:
            _apply(connection, seed, now_ms)
        except Invalid:
            connection.record_last_ids(last_ids)  # PostgreSQL does not roll back its sequences
            raise
        context.audit.record(connection, now_ms)

    await context.writer.submit(DirectCommand(replace, alone=True, inline=False))


def _is_empty(connection: Connection) -> bool:
    return not (
        read_accounts(connection, "", 1)
        or sessions.read_clients(connection, "", 1)
        or sessions.read_users(connection, "", 1)
        or read_packages(connection, "", 1)
    )


def _apply(connection: Connection, seed: Seed, now_ms: int) -> None:
    document = seed.document
    for client in document.clients:
        sessions.record_client(connection, client.key, seed.hashes[client.secret], now_ms)
    record_packages(connection, [package.to_package(now_ms) for package in document.firmware])
    ids = {account.name: _apply_account(connection, account, now_ms) for account in document.accounts}
    for user in document.users:
        account_ids = [ids[name] for name in dict.fromkeys(user.accounts)]
        sessions.record_user(
            connection,
            username=user.username,
            password_hash=seed.hashes[user.password],
            account_ids=account_ids,
            now_ms=now_ms,
        )


def _apply_account(connection: Connection, account: SeedAccount, now_ms: int) -> int:
    purchase_type = PurchaseType.parse(account.purchaseType)
    account_id = record_account(
        connection, name=account.name, purchase_type=purchase_type, total=account.licenseCount, now_ms=now_ms
    )
    pool = Pool(*connection.lock_pools([account_id])[1][0])
    devices = read_devices(account, now_ms)
    while batch := list(itertools.islice(devices, IMPORT_BATCH)):
        facts = PoolFacts(connection, pool)
        failures = import_into(facts, SEEDER, batch, now_ms).failures
        facts.record(connection)
        if failures:
            place, why = failures[0]
            raise Invalid(f"account {account.name}, device {batch[place].device:015d}: {why}")
    if account.candidates:
        candidates = decide_candidates([], [int(device) for device in account.candidates], append=False)
        record_candidates(connection, pool=pool, before=[], after=candidates, now_ms=now_ms)
    record_fleets(connection, account_id, read_fleets(account.fleet))
    record_description(connection, account_id, clean_display_name(account.displayName), clean_notes(account.notes))
    record_pools(connection, [pool], now_ms)
    return account_id
