"""Looking up devices, accounts, campaigns, packages, users and requests of all accounts; each walks one index.

A beginning is looked up by walking the index from there on, since the databases sort texts differently; the caller
takes those that begin with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_all

_ACCOUNT = "(SELECT a.name FROM account a WHERE a.id = {}.account_id)"
_OF_DEVICE = _ACCOUNT.format("d")
_OF_CAMPAIGN = _ACCOUNT.format("c")


class FoundDevice(NamedTuple):
    imei: int
    account: str
    mdn: str


class FoundAccount(NamedTuple):
    name: str
    display_name: str
    status: str


class FoundUser(NamedTuple):
    name: str
    failed_logins: int


class FoundCampaign(NamedTuple):
    uuid: str
    account: str
    name: str


class FoundPackage(NamedTuple):
    name: str
    make: str
    model: str
    from_version: str
    to_version: str


class FoundChange(NamedTuple):
    account: str
    number: int
    at_ms: int
    actor: str
    verb: str


class FoundEntry(NamedTuple):
    at_ms: int
    operator: str
    action: str
    account: str
    status: int | None


def read_devices_between(connection: Connection, first: int, last: int, limit: int) -> list[FoundDevice]:
    """Devices with IMEIs from `first` to `last`, by IMEI."""
    sql = f"""SELECT d.imei, {_OF_DEVICE}, d.mdn FROM device d WHERE d.imei >= :first AND d.imei <= :last
        ORDER BY d.imei LIMIT :limit"""
    return fetch_all(connection, FoundDevice, sql, first=first, last=last, limit=limit)


def read_devices_with_mdn(connection: Connection, mdns: Sequence[str], limit: int) -> list[FoundDevice]:
    """Devices with one of the MDNs."""
    sql = f"""SELECT d.imei, {_OF_DEVICE}, d.mdn FROM device d WHERE d.mdn = :mdn AND d.mdn <> '' LIMIT :limit"""
    return [row for mdn in mdns for row in fetch_all(connection, FoundDevice, sql, mdn=mdn, limit=limit)][:limit]


def read_devices_from_mdn(connection: Connection, first: str, limit: int) -> list[FoundDevice]:
    """Devices with MDNs from `first` on, by MDN."""
    sql = f"""SELECT d.imei, {_OF_DEVICE}, d.mdn FROM device d WHERE d.mdn >= :first AND d.mdn <> ''
        ORDER BY d.mdn LIMIT :limit"""
    return fetch_all(connection, FoundDevice, sql, first=first, limit=limit)


def read_accounts_from(connection: Connection, first: str, limit: int) -> list[FoundAccount]:
    """Accounts with names from `first` on, by name."""
    sql = """SELECT a.name, a.display_name, a.status FROM account a WHERE a.name >= :first
        ORDER BY a.name LIMIT :limit"""
    return fetch_all(connection, FoundAccount, sql, first=first, limit=limit)


def read_accounts_from_display_name(connection: Connection, first: str, limit: int) -> list[FoundAccount]:
    """Accounts with display names from `first` on, by display name in lower case."""
    sql = """SELECT a.name, a.display_name, a.status FROM account a
        WHERE lower(a.display_name) >= lower(:first) AND a.display_name <> ''
        ORDER BY lower(a.display_name) LIMIT :limit"""
    return fetch_all(connection, FoundAccount, sql, first=first, limit=limit)


def read_users_from(connection: Connection, first: str, limit: int) -> list[FoundUser]:
    """Users with names from `first` on, by name."""
    sql = """SELECT u.username, u.failed_logins FROM api_user u WHERE u.username >= :first
        ORDER BY u.username LIMIT :limit"""
    return fetch_all(connection, FoundUser, sql, first=first, limit=limit)


def read_packages_from(connection: Connection, first: str, limit: int) -> list[FoundPackage]:
    """Packages with names from `first` on, by name."""
    sql = """SELECT p.name, p.make, p.model, p.from_version, p.to_version FROM package p WHERE p.name >= :first
        ORDER BY p.name LIMIT :limit"""
    return fetch_all(connection, FoundPackage, sql, first=first, limit=limit)


def read_campaigns_from_id(connection: Connection, first: str, limit: int) -> list[FoundCampaign]:
    """Campaigns with ids from `first` on, by id."""
    sql = f"""SELECT c.uuid, {_OF_CAMPAIGN}, c.name FROM campaign c WHERE c.uuid >= :first
        ORDER BY c.uuid LIMIT :limit"""
    return fetch_all(connection, FoundCampaign, sql, first=first, limit=limit)


def read_campaigns_from_name(connection: Connection, first: str, limit: int) -> list[FoundCampaign]:
    """Campaigns with names from `first` on, by name in lower case."""
    sql = f"""SELECT c.uuid, {_OF_CAMPAIGN}, c.name FROM campaign c
        WHERE lower(c.name) >= lower(:first) AND c.name <> '' ORDER BY lower(c.name) LIMIT :limit"""
    return fetch_all(connection, FoundCampaign, sql, first=first, limit=limit)


def read_changes_of(connection: Connection, request_id: str, limit: int) -> list[FoundChange]:
    """Changes that a request made to accounts."""
    sql = f"""SELECT {_ACCOUNT.format("p")}, p.number, p.at_ms, p.actor, p.verb FROM pool_change p
        WHERE p.request_id = :request_id LIMIT :limit"""
    return fetch_all(connection, FoundChange, sql, request_id=request_id, limit=limit)


def read_entries_of(connection: Connection, request_id: str, limit: int) -> list[FoundEntry]:
    """Entries of the audit log about a request, newest first."""
    sql = """SELECT e.at_ms, e.operator, e.action, e.account, e.status FROM audit_log e
        WHERE e.request_id = :request_id ORDER BY e.at_ms DESC, e.id DESC LIMIT :limit"""
    return fetch_all(connection, FoundEntry, sql, request_id=request_id, limit=limit)
