"""Compares the carrier's list with the licenses here, on one state of the database; nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Literal

import msgspec

from fotapool.core.csv_export import csv_lines
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.billing.carrier_lists import CarrierAccount, CarrierList
from fotapool.services.context import Context
from fotapool.store.accounts.accounts import Account, read_account, read_accounts
from fotapool.store.db.connection import Connection
from fotapool.store.licenses.reconciliation import read_device_records, read_licenses_after

MAX_LISTED = 1_000
"""Maximum number of accounts, and of devices, in a result; all are counted, and in the file."""
BATCH = 1_000
LICENSES_PER_READ = 10_000
BLOCK_BYTES = 256 * 1024
IN_MEMORY_BYTES = 4 * 1024 * 1024
COLUMNS = (
    "account",
    "deviceId",
    "difference",
    "here",
    "carrier",
    "deviceAccount",
    "assignedAt",
    "lastChange",
    "lastChangeAt",
    "lastChangeActor",
    "lastChangeRequestId",
)
Side = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["here", "carrier"]})]


class AccountComparison(msgspec.Struct):
    """The numbers of one account on both sides; null where a side has none. `onlyHere` and the like count devices."""

    account: str
    licenseCount: int | None
    carrierLicenseCount: int | None
    used: int | None
    carrierUsed: int | None
    onlyHere: int | None
    onlyAtCarrier: int | None


class DeviceComparison(msgspec.Struct):
    """A device that has its license on one side only.

    `deviceAccount` is the account that the device belongs to here, `assignedAt` the time of its license here; the
    members that begin with `lastChange` are the last ledger entry of the device in `account`. All may be null.
    """

    account: str
    deviceId: str
    licensed: Side
    deviceAccount: str | None
    assignedAt: str | None
    lastChange: str | None
    lastChangeAt: str | None
    lastChangeActor: str | None
    lastChangeRequestId: str | None


class UnreadLine(msgspec.Struct):
    """A line, or a JSON document by its place, that was not read."""

    line: int
    error: str


class Reconciliation(msgspec.Struct):
    """What differs. Of accounts and devices, the first 1,000 are listed; the CSV has all.

    `accounts` has those with a difference, also those that the file lacks. `devicesCompared` counts devices of the
    file, each once.
    """

    equal: bool
    accountsCompared: int
    accountsDifferent: int
    devicesCompared: int
    onlyHere: int
    onlyAtCarrier: int
    accounts: list[AccountComparison]
    devices: list[DeviceComparison]
    lines: int
    failed: int
    errors: list[UnreadLine]
    notes: list[str]


class _Comparison(msgspec.Struct):
    """A comparison in progress: the result so far; `write` takes each row of the file, if one is wanted."""

    connection: Connection
    result: Reconciliation
    write: Callable[[Sequence[object]], None]

    def compare(self, name: str, account: Account | None, carrier: CarrierAccount | None) -> None:
        """Compares an account; None for a side that does not have it."""
        result = self.result
        only_here = only_there = None
        listed = None if carrier is None or carrier.devices is None else sorted(set(carrier.devices))
        result.accountsCompared += 1
        if listed is not None:
            result.devicesCompared += len(listed)
            only_here, only_there = self._devices(name, account, listed)
        row = AccountComparison(
            account=name,
            licenseCount=account.total if account else None,
            carrierLicenseCount=carrier.total if carrier else None,
            used=account.used if account else None,
            carrierUsed=_used(carrier, listed),
            onlyHere=only_here,
            onlyAtCarrier=only_there,
        )
        differences = list(_account_differences(row, carrier))
        for difference in differences:
            self.write([name, "", *difference])
        if differences or only_here or only_there:
            result.accountsDifferent += 1
            if len(result.accounts) < MAX_LISTED:
                result.accounts.append(row)

    def _devices(self, name: str, account: Account | None, listed: list[int]) -> tuple[int, int]:
        """Compares the devices; returns how many are licensed only here, and only at the carrier."""
        counts = {"here": 0, "carrier": 0}
        differences = _one_sided(_licenses(self.connection, account), listed)
        while batch := list(islice(differences, BATCH)):
            devices = [device for device, _, _ in batch]
            records = read_device_records(self.connection, account.id, devices) if account else {}
            for device, side, assigned_ms in batch:
                counts[side] += 1
                record = records.get(device)
                has_entry = record is not None and record.at_ms is not None
                row = DeviceComparison(
                    account=name,
                    deviceId=format_device_id(device),
                    licensed=side,
                    deviceAccount=record.account if record else None,
                    assignedAt=_time(assigned_ms),
                    lastChange=record.kind.what if record and record.kind else None,
                    lastChangeAt=_time(record.at_ms) if record and has_entry else None,
                    lastChangeActor=record.actor if record else None,
                    lastChangeRequestId=record.request_id if record else None,
                )
                if len(self.result.devices) < MAX_LISTED:
                    self.result.devices.append(row)
                _, _, _, owner, *facts = msgspec.structs.astuple(row)
                here, there = ("licensed", "") if side == "here" else ("", "licensed")
                self.write([name, row.deviceId, "device", here, there, *(fact or "" for fact in (owner, *facts))])
        self.result.onlyHere += counts["here"]
        self.result.onlyAtCarrier += counts["carrier"]
        return counts["here"], counts["carrier"]


def _used(carrier: CarrierAccount | None, listed: list[int] | None) -> int | None:
    """The carrier's number of used licenses: as given, else that of the devices of its list."""
    if carrier is None or carrier.used is not None:
        return carrier.used if carrier else None
    return None if listed is None else len(listed)


def _account_differences(row: AccountComparison, carrier: CarrierAccount | None) -> Iterator[tuple[object, ...]]:
    """The differences of an account's numbers: what differs, and its values here and at the carrier."""
    blanks = ("",) * (len(COLUMNS) - 5)
    if carrier is None or row.used is None:
        yield ("account", *(("", "known") if row.used is None else ("known", "")), *blanks)
    pairs = {
        "licenseCount": (row.licenseCount, row.carrierLicenseCount),
        "used": (row.used, row.carrierUsed),
    }
    for what, (here, there) in pairs.items():
        if here is not None and there is not None and here != there:
            yield (what, here, there, *blanks)


def _time(timestamp_ms: int | None) -> str | None:
    if timestamp_ms is None:
        return None
    return "unknown" if timestamp_ms == UNKNOWN_TIME_MS else format_timestamp(timestamp_ms)


def _licenses(connection: Connection, account: Account | None) -> Iterator[tuple[int, int]]:
    """The account's licenses by IMEI, with their assignment times (ms)."""
    after = BEFORE_ALL
    while account and (rows := read_licenses_after(connection, account.id, after, LICENSES_PER_READ)):
        yield from rows
        after = rows[-1][0]


def _one_sided(
    here: Iterator[tuple[int, int]], listed: Sequence[int]
) -> Iterator[tuple[int, Literal["here", "carrier"], int | None]]:
    """Devices that one of two sorted lists lacks: the device, the side that has it, its assignment time here (ms)."""
    theirs = iter(listed)
    there = next(theirs, None)
    for device, assigned_ms in here:
        while there is not None and there < device:
            yield there, "carrier", None
            there = next(theirs, None)
        if there == device:
            there = next(theirs, None)
        else:
            yield device, "here", assigned_ms
    while there is not None:
        yield there, "carrier", None
        there = next(theirs, None)


def _missing_accounts(connection: Connection, carrier: CarrierList) -> Iterator[Account]:
    """Accounts here with licenses that a list of accounts does not name; none for pages or for one named account."""
    after = ""
    is_list = carrier.default_account is None and not carrier.has_pages
    while is_list and (accounts := read_accounts(connection, after, BATCH)):
        yield from (one for one in accounts if one.name not in carrier.accounts and (one.total or one.used))
        after = accounts[-1].name


class _CsvFile:
    """Writes rows to a file in batches; without a file it does nothing."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file
        self._waiting: list[Sequence[object]] = []

    def begin(self) -> None:
        """Begins the file, again if a read was repeated on another connection."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._waiting = [COLUMNS]

    def write(self, row: Sequence[object]) -> None:
        if self._file is not None:
            self._waiting.append(row)
            if len(self._waiting) >= BATCH:
                self.flush()

    def flush(self) -> None:
        if self._file is not None:
            self._file.write(csv_lines(self._waiting))
            self._waiting = []


async def reconcile(context: Context, carrier: CarrierList, file: IO[bytes] | None = None) -> Reconciliation:
    """The differences between the carrier's list and the licenses here; all of them are written to `file` as CSV."""
    rows = _CsvFile(file)

    def compare(connection: Connection) -> Reconciliation:
        rows.begin()
        result = Reconciliation(
            equal=False,
            accountsCompared=0,
            accountsDifferent=0,
            devicesCompared=0,
            onlyHere=0,
            onlyAtCarrier=0,
            accounts=[],
            devices=[],
            lines=carrier.lines,
            failed=carrier.failed,
            errors=[UnreadLine(*one) for one in carrier.errors],
            notes=carrier.notes,
        )
        comparison = _Comparison(connection, result, rows.write)
        for name in sorted(carrier.accounts):
            comparison.compare(name, read_account(connection, name), carrier.accounts[name])
        for account in _missing_accounts(connection, carrier):
            comparison.compare(account.name, account, None)
        result.equal = not (result.accountsDifferent or result.failed)
        rows.flush()
        return result

    return await context.reader.long(compare)


async def differences_csv(context: Context, carrier: CarrierList) -> AsyncIterator[bytes]:
    """All differences as CSV, in blocks; they are in memory while they are few, else in a temporary file."""
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed when it was sent
    try:
        await reconcile(context, carrier, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return _blocks_of(file)


async def _blocks_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
