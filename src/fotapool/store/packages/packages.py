"""Packages: the operator's list, and those that fit devices of an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fotapool.domain.packages import NewPackage, Package
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, exists, fetch_all, fetch_one, row_of

_COLUMNS = columns(Package, "p")
_SELECT = f"SELECT {_COLUMNS} FROM package p"


def read_package(connection: Connection, name: str) -> Package | None:
    return fetch_one(connection, Package, f"{_SELECT} WHERE p.name = :name", name=name)


def read_packages(connection: Connection, after: str, limit: int) -> list[Package]:
    """Packages by name, after the given name."""
    sql = f"{_SELECT} WHERE p.name > :after ORDER BY p.name LIMIT :limit"
    return fetch_all(connection, Package, sql, after=after, limit=limit)


def read_packages_named(connection: Connection, names: Sequence[str]) -> list[Package]:
    """The existing packages among these names, by name."""
    if not names:
        return []
    rows = connection.fetch_rows(
        f"SELECT {_COLUMNS} FROM {{rows}} n JOIN package p ON p.name = n.name ORDER BY p.name",
        "name",
        [(name,) for name in names],
    )
    return [Package(*row) for row in rows]


def read_fitting_packages(
    connection: Connection, account_id: int, protocols: Sequence[str], limit: int
) -> list[Package]:
    """Packages of these protocols that fit some device of the account, by name.

    A package fits a device of its make, model and protocol whose current version is `from_version`.
    """
    params = {f"protocol_{place}": protocol for place, protocol in zip("abcd", protocols, strict=False)}
    # A scalar subquery searches the index once per package; EXISTS may become a join over all devices.
    sql = f"""{_SELECT} WHERE p.protocol IN ({", ".join(f":{name}" for name in params)}) AND
        (SELECT 1 FROM device d WHERE d.account_id = :account_id AND d.make = p.make AND d.model = p.model
        AND d.firmware = p.from_version AND d.protocol = p.protocol LIMIT 1) IS NOT NULL ORDER BY p.name LIMIT :limit"""
    return fetch_all(connection, Package, sql, account_id=account_id, limit=limit, **params)


def record_packages(connection: Connection, packages: Iterable[NewPackage]) -> None:
    """Creates packages; their names must be new."""
    names, values = columns(NewPackage), row_of(NewPackage)
    rows = [(*values(package)[:-1], int(package.pilot_passed), 0, 0) for package in packages]
    connection.insert("package", f"{names}, succeeded, failed", rows)


def record_package_changes(connection: Connection, package_id: int, release_note: str, pilot_passed: bool) -> None:
    connection.execute(
        "UPDATE package SET release_note = :release_note, pilot_passed = :pilot_passed WHERE id = :id",
        {"id": package_id, "release_note": release_note, "pilot_passed": int(pilot_passed)},
    )


def is_package_used(connection: Connection, package_id: int) -> bool:
    """Whether a campaign uses the package. It is locked against new campaigns until the transaction ends."""
    connection.fetch(f"SELECT 1 FROM package WHERE id = :id {connection.syntax['lock_row']}", {"id": package_id})
    return exists(connection, "SELECT 1 FROM campaign WHERE package_id = :id LIMIT 1", id=package_id)


def delete_package(connection: Connection, package_id: int) -> None:
    connection.execute("DELETE FROM package WHERE id = :id", {"id": package_id})
