"""Applying a seed document to an empty database, and going back to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from fotapool import hashing
from fotapool.domain.candidates import decide_candidates
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses import Pool
from fotapool.domain.names import PurchaseType, is_account_name, is_device_id
from fotapool.domain.subscriptions import check_total
from fotapool.store import signins
from fotapool.store.accounts import read_accounts, record_account, record_pools
from fotapool.store.candidates import record_candidates
from fotapool.store.database import Connection, ConstraintViolated
from fotapool.store.schema import forget_everything
from fotapool.usecases.accounts import DirectCommand
from fotapool.usecases.context import Caller, Context
from fotapool.usecases.devices import IMPORT_BATCH, import_into
from fotapool.usecases.documents import SeedAccount, SeedDocument, read_devices

SEEDER = Caller("seed", "")


@dataclass(frozen=True, slots=True)
class Seed:
    """A document with its secrets hashed already, so that going back to it is quick."""

    document: SeedDocument
    hashes: dict[str, str]


async def prepare_seed(document: SeedDocument) -> Seed:
    secrets = {client.secret for client in document.clients} | {user.password for user in document.users}
    return Seed(document, {secret: await hashing.hash_secret(secret) for secret in secrets})


async def seed_empty_database(context: Context, seed: Seed) -> bool:
    """Applies the seed in one transaction if the database is empty; answers whether it was. Raises Invalid."""

    def apply(connection: Connection, now_ms: int) -> bool:
        if not _is_empty(connection):
            return False
        _apply(connection, seed, now_ms)
        return True

    try:
        return await context.writer.submit(DirectCommand(apply))
    except ConstraintViolated:
        # Another server seeded the same database at the same moment.
        if await context.reader.short(_is_empty):
            raise
        return False


async def reset_to_seed(context: Context, seed: Seed, reset_clock: Callable[[], None]) -> None:
    """Forgets everything, sets the clock back to real time, and applies the seed anew."""

    def reset(connection: Connection, now_ms: int) -> None:
        forget_everything(connection)
        reset_clock()
        _apply(connection, seed, context.clock.now_ms())

    await context.writer.submit(DirectCommand(reset))


def _is_empty(connection: Connection) -> bool:
    return not (
        read_accounts(connection, "", 1)
        or signins.read_clients(connection, "", 1)
        or signins.read_users(connection, "", 1)
    )


def _apply(connection: Connection, seed: Seed, now_ms: int) -> None:
    document = seed.document
    for client in document.clients:
        signins.record_client(connection, client.key, seed.hashes[client.secret], now_ms)
    ids = {account.name: _apply_account(connection, account, now_ms) for account in document.accounts}
    for user in document.users:
        unknown = [name for name in user.accounts if name not in ids]
        if unknown:
            raise Invalid(f"user {user.username} names account {unknown[0]}, which the seed does not have")
        account_ids = [ids[name] for name in dict.fromkeys(user.accounts)]
        signins.record_user(connection, user.username, seed.hashes[user.password], account_ids, now_ms)


def _apply_account(connection: Connection, account: SeedAccount, now_ms: int) -> int:
    if not is_account_name(account.name):
        raise Invalid(f"{account.name!r} is no account name")
    try:
        purchase_type = PurchaseType.parse(account.purchaseType)
    except ValueError as error:
        raise Invalid(str(error)) from error
    check_total(purchase_type, account.licenseCount)
    account_id = record_account(connection, account.name, purchase_type, account.licenseCount, now_ms)
    pool = Pool(*connection.lock_pools([account_id])[0])
    devices = read_devices(account, now_ms)
    while batch := list(itertools.islice(devices, IMPORT_BATCH)):
        failures = import_into(connection, pool, SEEDER, batch, now_ms).failures
        if failures:
            place, why = failures[0]
            raise Invalid(f"account {account.name}, device {batch[place].device:015d}: {why}")
    if account.candidates:
        malformed = [device for device in account.candidates if not is_device_id(device)]
        if malformed:
            raise Invalid(f"account {account.name}: candidate {malformed[0]!r} is not a 15-digit IMEI")
        candidates = decide_candidates([], [int(device) for device in account.candidates], append=False)
        record_candidates(connection, pool, [], candidates, now_ms)
    record_pools(connection, [pool])
    return account_id
