"""Writes the rows of all tables as a snapshot document: with members of their own, or else as they are stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.devices.devices import ACTIVE
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import format_device_id
from fotapool.domain.simulation import Fleet
from fotapool.services.simulation.fleets import describe_fleet
from fotapool.services.snapshots.seed_documents import UNKNOWN
from fotapool.store.db.connection import Row
from fotapool.store.db.schema import VERSION
from fotapool.store.simulation import parse_behavior
from fotapool.store.snapshots import SHAPES, Rows

READABLE = {
    "account": "id, name, purchase_type, status, created_ms, namespace, display_name, notes",
    "license_pool": (
        "account_id, total, used, notice, entries, changes, candidates, candidates_updated_ms, subscription_updated_ms"
    ),
    "device": (
        "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms, upgraded_ms,"
        " refreshed_ms, seen_ms, namespace"
    ),
    "license": "account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place",
    "candidate": "account_id, place, imei",
    "fleet": "account_id, first_imei, last_imei, behavior",
    "package": (
        "id, name, make, model, from_version, to_version, protocol, platform, release_note, launched_ms, pilot_passed,"
        " succeeded, failed, content_key, content_size, content_sha256"
    ),
    "api_client": "client_key, secret_hash, created_ms",
    "api_user": "username, password_hash, failed_logins, created_ms",
    "user_account": "username, account_id",
}
"""The tables that have members of their own in the document, with their columns; a test compares these."""
STATE_TABLES = tuple(table for table in SHAPES if table not in READABLE)

Members = dict[str, Any]
"""A JSON object of the document."""


def describe_rows(rows: Rows, now_ms: int, last_ids: dict[str, int]) -> Members:
    """The document without the contents of files."""
    names = {row[0]: row[1] for row in rows["account"]}
    return {
        "snapshot": {"now": format_timestamp(now_ms), "schema": VERSION, "lastIds": last_ids},
        "clients": [
            {"key": key, "secretHash": secret_hash, "createdAt": format_timestamp(created_ms)}
            for key, secret_hash, created_ms in rows["api_client"]
        ],
        "users": list(_users(rows, names)),
        "accounts": list(_accounts(rows)),
        "firmware": [_package(row) for row in rows["package"]],
        "state": {
            table: {"columns": list(SHAPES[table].names), "rows": [list(row) for row in rows[table]]}
            for table in STATE_TABLES
            if rows[table]
        },
    }


def _given(members: Members, **defaults: Any) -> Members:
    """The members without those that have their default."""
    return {name: value for name, value in members.items() if value != defaults.get(name)}


def _users(rows: Rows, names: dict[int, str]) -> Iterator[Members]:
    accounts: dict[str, list[str]] = defaultdict(list)
    for username, account_id in rows["user_account"]:
        accounts[username].append(names[account_id])
    for username, password_hash, failed_logins, created_ms in rows["api_user"]:
        yield _given(
            {
                "username": username,
                "passwordHash": password_hash,
                "createdAt": format_timestamp(created_ms),
                "accounts": sorted(accounts[username]),
                "failedLogins": failed_logins,
            },
            failedLogins=0,
        )


def _by_account(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each account, which are adjacent."""
    return {account_id: list(of_account) for account_id, of_account in groupby(rows, itemgetter(0))}


def _accounts(rows: Rows) -> Iterator[Members]:
    tables = {table: _by_account(rows[table]) for table in ("license_pool", "device", "license", "candidate", "fleet")}
    for account_id, name, purchase_type, status, created_ms, namespace, display_name, notes in rows["account"]:
        pool = tables["license_pool"][account_id][0]
        created = format_timestamp(created_ms)
        licenses = {row[1]: row[2:] for row in tables["license"].get(account_id, ())}
        yield _given(
            {
                "name": name,
                "id": account_id,
                "displayName": display_name,
                "notes": notes,
                "purchaseType": purchase_type,
                "licenseCount": pool[1],
                "status": status,
                "realm": namespace,
                "createdAt": created,
                "subscriptionUpdatedAt": format_timestamp(pool[8]),
                "candidatesUpdatedAt": format_timestamp(pool[7]),
                "devices": list(_devices(tables["device"].get(account_id, ()), licenses, created_ms)),
                "keptLicenses": list(_kept_licenses(tables["device"].get(account_id, ()), licenses)),
                "candidates": [format_device_id(row[2]) for row in tables["candidate"].get(account_id, ())],
                "fleet": [
                    describe_fleet(Fleet(first, last, parse_behavior(behavior)))
                    for _, first, last, behavior in tables["fleet"].get(account_id, ())
                ],
            },
            displayName="",
            notes="",
            status="active",
            realm=0,
            subscriptionUpdatedAt=created,
            candidatesUpdatedAt=created,
            devices=[],
            keptLicenses=[],
            candidates=[],
            fleet=[],
        )


def _devices(rows: Sequence[Row], licenses: dict[int, Row], created_ms: int) -> Iterator[Members]:
    """The devices by IMEI; equal devices with consecutive IMEIs are one run."""
    place = 0
    while place < len(rows):
        imei = rows[place][1]
        license_ = licenses.get(imei)
        alike, licensed = _run(rows, place, licenses)
        members: Members = {"deviceId": format_device_id(imei)}
        if alike > 1:
            members = {"first": format_device_id(imei), "count": alike}
        members |= _device(rows[place], created_ms)
        if license_ is not None:
            members |= ({"licensed": licensed} if alike > 1 else {}) | _license(*license_)
        yield members
        place += alike


def _kept_licenses(devices: Sequence[Row], licenses: dict[int, Row]) -> Iterator[Members]:
    """The licenses of devices that have left the account."""
    for imei in sorted(licenses.keys() - {row[1] for row in devices}):
        yield {"deviceId": format_device_id(imei)} | _license(*licenses[imei])


def _run(rows: Sequence[Row], begin: int, licenses: dict[int, Row]) -> tuple[int, int]:
    """The number of devices of the run that begins here, and how many of them hold a license."""
    first = rows[begin]
    license_ = licenses.get(first[1])
    if first[6] or not (license_ is None or license_[2:] == _PLAIN):
        return 1, int(license_ is not None)
    since_ms, number = license_[:2] if license_ is not None else (0, 0)
    alike = licensed = 0
    for place in range(begin, len(rows)):
        row = rows[place]
        if row[1] != first[1] + alike or row[2:] != first[2:]:
            break
        found = licenses.get(row[1])
        if found is not None:
            if licensed != alike or found != (since_ms, number + licensed, *_PLAIN):
                break
            licensed += 1
        alike += 1
    return alike, licensed


_PLAIN = (int(LicenseState.PLAIN), None, None)
_TRAITS = (("make", ""), ("model", ""), ("firmware", ""), ("protocol", "LWM2M"), ("mdn", ""), ("status", ACTIVE))
"""Members of a device in the order of the columns, with their defaults."""


def _device(row: Row, account_created_ms: int) -> Members:
    created_ms, updated_ms = row[8:10]
    members: Members = {name: text for (name, default), text in zip(_TRAITS, row[2:8], strict=True) if text != default}
    if created_ms != account_created_ms:
        members["createdAt"] = format_timestamp(created_ms)
    if updated_ms != created_ms:
        members["updatedAt"] = format_timestamp(updated_ms)
    for name, timestamp_ms in zip(("upgradedAt", "refreshedAt", "seenAt"), row[10:13], strict=True):
        if timestamp_ms is not None:
            members[name] = format_timestamp(timestamp_ms)
    return members


def _license(assigned_ms: int, place: int, state: int, until_ms: int | None, notice_place: int | None) -> Members:
    members: Members = {
        "licensedAt": UNKNOWN if assigned_ms == UNKNOWN_TIME_MS else format_timestamp(assigned_ms),
        "licensePlace": place,
    }
    if state & _USED:
        members["licenseUsed"] = True
    if until_ms is not None:
        members["noticeUntil"] = format_timestamp(until_ms)
    if notice_place is not None:
        members["noticePlace"] = notice_place
    return members


_USED = int(LicenseState.USED)


_PACKAGE = {
    "firmwareName": "name",
    "id": "id",
    "make": "make",
    "model": "model",
    "fromVersion": "from_version",
    "toVersion": "to_version",
    "protocol": "protocol",
    "platformId": "platform",
    "releaseNote": "release_note",
    "launchDate": "launched_ms",
    "proven": "pilot_passed",
    "succeeded": "succeeded",
    "failed": "failed",
    "contentKey": "content_key",
    "contentSize": "content_size",
    "contentSha256": "content_sha256",
}
"""The members of a package and their columns."""


def _package(row: Row) -> Members:
    values = dict(zip(SHAPES["package"].names, row, strict=True))
    values["launched_ms"] = format_timestamp(values["launched_ms"])
    values["pilot_passed"] = bool(values["pilot_passed"])
    members = {member: values[column] for member, column in _PACKAGE.items()}
    return _given(members, releaseNote="", proven=False, succeeded=0, failed=0)
