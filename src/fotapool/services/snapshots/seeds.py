"""Seeds: checks a seed document or a snapshot, and applies it to an empty database, in place of a state, or adds it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from fotapool.core import hashing
from fotapool.domain.accounts.descriptions import clean_display_name, clean_notes
from fotapool.domain.accounts.subscriptions import check_total
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.licenses.candidates import MAX_CANDIDATES, decide_candidates
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType, is_account_name, is_device_id
from fotapool.services.accounts.accounts import check_name_is_free, require_account
from fotapool.services.commands import DirectCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import IMPORT_BATCH, import_into
from fotapool.services.identity.api_clients import check_key_is_free, check_not_encoded
from fotapool.services.identity.credentials import check_key, check_name, check_secret
from fotapool.services.identity.users import MAX_ACCOUNTS, check_username_is_free
from fotapool.services.packages.packages import check_names_are_free
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
MAX_NAMED = 100


class Seed(msgspec.Struct, frozen=True):
    """A checked seed document and the hashes of its secrets, so that a reset is fast; or the image of a snapshot."""

    document: SeedDocument
    hashes: dict[str, str]
    image: DatabaseImage | None = None
    """Set instead of the document for a snapshot."""


def check_document(document: SeedDocument, now_ms: int, *, is_whole: bool = True) -> None:
    """Raises Invalid for what is wrong with the document itself, before anything is stored.

    Only the users of a document that is not the whole state may have accounts that are not in it.
    """
    for client in document.clients:
        check_key(client.key)
        check_secret(client.secret, f"client {client.key}: secret")
        check_not_encoded(client.key, client.secret)
    for account in document.accounts:
        _check_account(account, now_ms)
    _check_users(document, is_whole=is_whole)
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


def _check_users(document: SeedDocument, *, is_whole: bool) -> None:
    known = {account.name for account in document.accounts}
    for user in document.users:
        check_name(user.username, "username")
        check_secret(user.password, f"user {user.username}: password")
        unknown = [name for name in user.accounts if name not in known]
        if unknown and is_whole:
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


async def prepare_seed(document: SeedDocument | Snapshot, now_ms: int, *, is_whole: bool = True) -> Seed:
    """Checks the document and hashes its secrets. Raises Invalid that says what is wrong."""
    if isinstance(document, Snapshot):
        if not is_whole:
            raise Invalid("a snapshot replaces the whole state; send it to PUT /control/v1/snapshot")
        return Seed(SeedDocument(), {}, await asyncio.to_thread(read_image, document))
    check_document(document, now_ms, is_whole=is_whole)
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
        with _last_ids_kept(connection):
            replace_rows(connection, {})
            _apply(connection, seed, now_ms)
        context.audit.record(connection, now_ms)

    await context.writer.submit(DirectCommand(replace, alone=True, inline=False))


async def add_seed(context: Context, seed: Seed) -> int:
    """Adds the seed's accounts, users, clients and firmware to the state; returns the timestamp of it (ms).

    Raises Conflict for a name that is in use, NotFound for an unknown account of a user, and Invalid; then nothing has
    changed.
    """

    def add(connection: Connection, now_ms: int) -> int:
        connection.lock_setup()
        _check_names_are_free(connection, seed.document)
        with _last_ids_kept(connection):
            _apply(connection, seed, now_ms)
        context.audit.record(connection, now_ms, after=_names(seed.document))
        return now_ms

    return await context.writer.submit(DirectCommand(add, alone=True, inline=False))


@contextmanager
def _last_ids_kept(connection: Connection) -> Iterator[None]:
    """Sets the last ids back if the block raises Invalid or NotFound: PostgreSQL does not roll back its sequences."""
    last_ids = read_last_ids(connection)
    try:
        yield
    except (Invalid, NotFound):
        connection.record_last_ids(last_ids)
        raise


def _check_names_are_free(connection: Connection, document: SeedDocument) -> None:
    for account in document.accounts:
        check_name_is_free(connection, account.name)
    for client in document.clients:
        check_key_is_free(connection, client.key)
    for user in document.users:
        check_username_is_free(connection, user.username)
    check_names_are_free(connection, [package.firmwareName for package in document.firmware])


def _names(document: SeedDocument) -> dict[str, list[str]]:
    """What is added, for the audit log: the first MAX_NAMED names of each kind."""
    named = {
        "accounts": [account.name for account in document.accounts],
        "clients": [client.key for client in document.clients],
        "users": [user.username for user in document.users],
        "packages": [package.firmwareName for package in document.firmware],
    }
    return {what: names[:MAX_NAMED] for what, names in named.items() if names}


def _is_empty(connection: Connection) -> bool:
    return not (
        read_accounts(connection, "", 1)
        or sessions.read_clients(connection, "", 1, 0)
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
        account_ids = [
            ids[name] if name in ids else require_account(connection, name).id for name in dict.fromkeys(user.accounts)
        ]
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
