"""Reads a snapshot document into the rows of all tables; checks what the constraints of the tables do not."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

from fotapool.domain.accounts.descriptions import clean_display_name, clean_notes
from fotapool.domain.accounts.subscriptions import check_total
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.candidates import MAX_CANDIDATES
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import ALL_ACCOUNTS, MAX_IMEI, AccountStatus, PurchaseType, is_account_name, is_device_id
from fotapool.services.identity.credentials import check_key, check_name
from fotapool.services.identity.users import MAX_ACCOUNTS
from fotapool.services.simulation.fleets import read_fleets
from fotapool.services.snapshots.document_from_rows import STATE_TABLES
from fotapool.services.snapshots.seed_documents import (
    MAX_RUN,
    UNKNOWN,
    check_traits,
    check_unique,
)
from fotapool.services.snapshots.snapshot_documents import (
    AccountState,
    ContentState,
    DeviceState,
    KeptLicense,
    PackageState,
    Snapshot,
    read_timestamp,
)
from fotapool.store.db.connection import Row
from fotapool.store.db.schema import VERSION
from fotapool.store.simulation import behavior_text
from fotapool.store.snapshots import NUMBERED, SHAPES

Default = TypeVar("Default", int, None)

MAX_ROWS = 5_000_000
"""Maximum number of rows of a snapshot."""


class DatabaseImage(msgspec.Struct, frozen=True):
    """A whole database: its time (ms), the rows and the last id of each table, and the contents of files."""

    timestamp_ms: int
    rows: dict[str, list[Row]]
    last_ids: dict[str, int]
    contents: list[ContentState]


def read_image(snapshot: Snapshot) -> DatabaseImage:
    """The database that the snapshot describes. Raises Invalid that names the wrong member."""
    if snapshot.snapshot.schema != VERSION:
        raise Invalid(
            f"snapshot.schema is {snapshot.snapshot.schema[:40]!r}, and this program has {VERSION}: restore the "
            "snapshot with the version that created it, or start from a seed document"
        )
    rows: dict[str, list[Row]] = {table: [] for table in SHAPES}
    _check_size(snapshot)
    _read_state(snapshot, rows)
    _read_clients(snapshot, rows)
    _read_accounts(snapshot, rows)
    _read_users(snapshot, rows)
    for place, package in enumerate(snapshot.firmware):
        with _in_member(f"firmware[{place}]"):
            rows["package"].append(_package(package))
    _check_accounts_known(rows)
    with _in_member("snapshot.now"):
        timestamp_ms = read_timestamp(snapshot.snapshot.now)
    return DatabaseImage(timestamp_ms, rows, _last_ids(snapshot, rows), snapshot.contents)


@contextlib.contextmanager
def _in_member(member: str) -> Iterator[None]:
    """Names the member in front of the messages of errors."""
    try:
        yield
    except (Invalid, msgspec.ValidationError) as error:
        raise Invalid(f"{member}: {error}") from error


def _check_size(snapshot: Snapshot) -> None:
    """Raises Invalid for more than MAX_ROWS rows, before runs of devices are expanded."""
    devices = sum(line.count for account in snapshot.accounts for line in account.devices)
    if devices + sum(len(table.rows) for table in snapshot.state.values()) > MAX_ROWS:
        raise Invalid(f"the snapshot has more than {MAX_ROWS} devices and rows")


_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
_TYPES: dict[type, Any] = {int: _Number, str: _Text, bytes: bytes}


@cache
def _rows_type(table: str) -> Any:
    """The msgspec type of the table's rows: a list of tuples."""
    found = SHAPES[table].columns
    columns = [_TYPES[column.type] | None if column.optional else _TYPES[column.type] for column in found]
    return list[tuple[tuple(columns)]]  # type: ignore[misc]


def _read_state(snapshot: Snapshot, rows: dict[str, list[Row]]) -> None:
    for table, found in snapshot.state.items():
        with _in_member(f"state.{table[:60]}"):
            if table not in STATE_TABLES:
                raise Invalid(f"it is none of {', '.join(STATE_TABLES)}")
            names = SHAPES[table].names
            if tuple(found.columns) != names:
                raise Invalid(f"its columns must be {', '.join(names)}")
            rows[table] = msgspec.convert(found.rows, _rows_type(table), strict=False)


def _row(table: str, **values: Any) -> Row:
    """A row from its values by column."""
    return tuple(values[name] for name in SHAPES[table].names)


def _read_clients(snapshot: Snapshot, rows: dict[str, list[Row]]) -> None:
    for place, client in enumerate(snapshot.clients):
        with _in_member(f"clients[{place}]"):
            check_key(client.key)
            rows["api_client"].append((client.key, client.secretHash, read_timestamp(client.createdAt)))
    check_unique("client", [client.key for client in snapshot.clients])


def _read_users(snapshot: Snapshot, rows: dict[str, list[Row]]) -> None:
    ids = {account.name: account.id for account in snapshot.accounts}
    for place, user in enumerate(snapshot.users):
        with _in_member(f"users[{place}]"):
            check_name(user.username, "username")
            unknown = [name for name in user.accounts if name not in ids]
            if unknown or len(set(user.accounts)) > MAX_ACCOUNTS:
                why = f"account {unknown[0][:100]} is not in accounts" if unknown else f"at most {MAX_ACCOUNTS}"
                raise Invalid(f"accounts: {why}")
            created_ms = read_timestamp(user.createdAt)
            rows["api_user"].append((user.username, user.passwordHash, user.failedLogins, created_ms))
            rows["user_account"] += [(user.username, account_id) for account_id in {ids[one] for one in user.accounts}]
    check_unique("user", [user.username for user in snapshot.users])


def _read_accounts(snapshot: Snapshot, rows: dict[str, list[Row]]) -> None:
    changes = Counter(row[0] for row in rows["pool_change"])
    entries = Counter(row[0] for row in rows["ledger_entry"])
    for place, account in enumerate(snapshot.accounts):
        with _in_member(f"accounts[{place}]"):
            _read_account(account, rows, entries[account.id], changes[account.id])
    check_unique("account", [account.name for account in snapshot.accounts])
    check_unique("accounts: id", [str(account.id) for account in snapshot.accounts])


def _read_account(account: AccountState, rows: dict[str, list[Row]], entries: int, changes: int) -> None:
    """Reads one account. `entries` and `changes` are the numbers of its rows in the ledger."""
    if not is_account_name(account.name):
        raise Invalid("name must be 1 to 64 letters, digits, '-', '_' or '.'")
    purchase_type = _purchase_type(account)
    if account.status not in {status.value for status in AccountStatus}:
        raise Invalid("status must be active, suspended or closed")
    if len(account.candidates) > MAX_CANDIDATES or not all(is_device_id(device) for device in account.candidates):
        raise Invalid(f"candidates must be IMEIs of 15 digits, {MAX_CANDIDATES} at most")
    created_ms = read_timestamp(account.createdAt)
    licenses: list[Row] = []
    for place, line in enumerate(account.devices):
        with _in_member(f"devices[{place}]"):
            devices = list(_devices(line, account, created_ms))
            rows["device"] += devices
            licenses += _licenses(line, devices)
    for place, kept in enumerate(account.keptLicenses):
        with _in_member(f"keptLicenses[{place}]"):
            licenses.append(_kept_license(kept, account.id))
    rows["account"].append(
        _row(
            "account",
            id=account.id,
            name=account.name,
            purchase_type=purchase_type.value,
            status=account.status,
            created_ms=created_ms,
            namespace=account.namespace,
            display_name=clean_display_name(account.displayName),
            notes=clean_notes(account.notes),
        )
    )
    rows["license"] += licenses
    rows["candidate"] += [(account.id, place, int(device)) for place, device in enumerate(account.candidates)]
    rows["fleet"] += [
        (account.id, fleet.first_imei, fleet.last_imei, behavior_text(fleet.behavior))
        for fleet in read_fleets(account.fleet)
    ]
    rows["license_pool"].append(
        _row(
            "license_pool",
            account_id=account.id,
            total=account.licenseCount,
            used=len(licenses),
            notice=sum(row[5] is not None for row in licenses),
            entries=entries,
            changes=changes,
            candidates=len(account.candidates),
            candidates_updated_ms=_time(account.candidatesUpdatedAt, created_ms),
            subscription_updated_ms=_time(account.subscriptionUpdatedAt, created_ms),
        )
    )


def _purchase_type(account: AccountState) -> PurchaseType:
    try:
        purchase_type = PurchaseType.parse(account.purchaseType)
    except ValueError as error:
        raise Invalid(str(error)) from error
    check_total(purchase_type, account.licenseCount)
    return purchase_type


def _devices(line: DeviceState, account: AccountState, account_created_ms: int) -> Iterator[Row]:
    first = line.first or line.deviceId
    if bool(line.first) == bool(line.deviceId) or not is_device_id(first):
        raise Invalid("it must have a deviceId, or first and count, which are IMEIs of 15 digits")
    if not 1 <= line.count <= MAX_RUN or int(first) + line.count - 1 > MAX_IMEI or (line.deviceId and line.count > 1):
        raise Invalid("count must be from 1 on, and the last IMEI of the run must have 15 digits")
    if line.count > 1 and line.mdn:
        raise Invalid("a run of devices has no mdn")
    protocol = check_traits(line)
    created_ms = _time(line.createdAt, account_created_ms)
    last_times = [_time(text, None) for text in (line.upgradedAt, line.refreshedAt, line.seenAt)]
    traits = line.make, line.model, line.firmware, protocol, line.mdn, line.status
    rest = *traits, created_ms, _time(line.updatedAt, created_ms), *last_times, account.namespace
    for imei in range(int(first), int(first) + line.count):
        yield account.id, imei, *rest


def _licenses(line: DeviceState, devices: list[Row]) -> Iterator[Row]:
    licensed = line.licensed if line.first else int(line.licensedAt is not None)
    if licensed > line.count or (licensed > 0) != (line.licensedAt is not None):
        raise Invalid("licensed must be from 0 to count, and licensedAt goes with it")
    if line.licensedAt is None:
        return
    special = line.licenseUsed or line.noticeUntil is not None
    if line.count > 1 and (special or line.noticePlace is not None):
        raise Invalid("licenses that were used or are under notice are of one device, not of a run")
    since_ms, state, until_ms = _assignment(line.licensedAt, line)
    for place, row in enumerate(devices[:licensed], start=line.licensePlace):
        yield *row[:2], since_ms, place, state, until_ms, line.noticePlace


def _kept_license(line: KeptLicense, account_id: int) -> Row:
    if not is_device_id(line.deviceId):
        raise Invalid("deviceId must be an IMEI of 15 digits")
    since_ms, state, until_ms = _assignment(line.licensedAt, line)
    return account_id, int(line.deviceId), since_ms, line.licensePlace, state, until_ms, line.noticePlace


def _assignment(licensed_at: str, line: DeviceState | KeptLicense) -> tuple[int, int, int | None]:
    """When the license was assigned (ms), its LicenseState, and when its notice ends (ms)."""
    since_ms = UNKNOWN_TIME_MS if licensed_at == UNKNOWN else read_timestamp(licensed_at)
    until_ms = _time(line.noticeUntil, None)
    state = int(LicenseState.USED) * line.licenseUsed + int(LicenseState.NOTICE) * (until_ms is not None)
    return since_ms, state, until_ms


def _package(line: PackageState) -> Row:
    launched_ms, line.launchDate = 0 if line.launchDate is None else read_timestamp(line.launchDate), None
    package = line.to_package(launched_ms)
    if len({line.contentKey is None, line.contentSize is None, line.contentSha256 is None}) > 1:
        raise Invalid("contentKey, contentSize and contentSha256 go together")
    values = {member.name: getattr(package, member.name) for member in fields(package)}
    return _row(
        "package",
        **values | {"pilot_passed": int(package.pilot_passed)},
        id=line.id,
        succeeded=line.succeeded,
        failed=line.failed,
        content_key=line.contentKey,
        content_size=line.contentSize,
        content_sha256=line.contentSha256,
    )


def _time(text: str | None, otherwise: Default) -> int | Default:
    return otherwise if text is None else read_timestamp(text)


def _check_accounts_known(rows: dict[str, list[Row]]) -> None:
    known = {row[0] for row in rows["account"]} | {ALL_ACCOUNTS}
    for table in STATE_TABLES:
        names = SHAPES[table].names
        if "account_id" in names:
            place = names.index("account_id")
            strangers = {row[place] for row in rows[table]} - known
            if strangers:
                raise Invalid(f"state.{table}: account_id {min(strangers)} is the id of none of accounts")


def _last_ids(snapshot: Snapshot, rows: dict[str, list[Row]]) -> dict[str, int]:
    """The last id of each numbered table: that of the document, or of its rows if that is greater."""
    given = snapshot.snapshot.lastIds
    unknown = [table for table in given if table not in NUMBERED]
    if unknown:
        raise Invalid(f"snapshot.lastIds: {unknown[0][:60]} is none of {', '.join(NUMBERED)}")
    return {table: max(given.get(table, 0), max((row[0] for row in rows[table]), default=0)) for table in NUMBERED}
