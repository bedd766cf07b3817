"""Packages: the operator's list of them, and those that fit devices of an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fotapool.domain.packages import NewPackage, Package
from fotapool.store.db.connection import Connection

_COLUMNS = (
    "p.id, p.name, p.make, p.model, p.from_version, p.to_version, p.protocol, p.platform, p.release_note,"
    " p.launched_ms, p.pilot_passed, p.succeeded, p.failed, p.content_size, p.content_sha256"
)
_INSERTED = (
    "name, make, model, from_version, to_version, protocol, platform, release_note, launched_ms, pilot_passed,"
    " succeeded,"
    " failed"
)


def read_package(connection: Connection, name: str) -> Package | None:
    rows = connection.fetch(f"SELECT {_COLUMNS} FROM package p WHERE p.name = :name", {"name": name})
    return Package(*rows[0]) if rows else None


def read_packages(connection: Connection, after: str, limit: int) -> list[Package]:
    """Packages by name, from the first one greater than `after`."""
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM package p WHERE p.name > :after ORDER BY p.name LIMIT :limit",
        {"after": after, "limit": limit},
    )
    return [Package(*row) for row in rows]


def read_packages_named(connection: Connection, names: Sequence[str]) -> list[Package]:
    """Those of the names that there are, by name."""
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
    """Packages of these protocols, by name, that some device of the account can take: rows by name.

    The device has the package's make, model and protocol, and its current version is the one it starts from.
    """
    marks = ", ".join(f":protocol_{place}" for place in "abcd"[: len(protocols)])
    # A scalar subquery looks into the index once for each package; EXISTS may become a join over all devices. The
    # protocol is no bare column, so that nobody takes the index on it, which leads to nearly all of them.
    rows = connection.fetch(
        f"SELECT {_COLUMNS} FROM package p WHERE p.protocol IN ({marks}) AND"
        " (SELECT 1 FROM device d WHERE d.account_id = :account_id AND d.make = p.make AND d.model = p.model"
        " AND d.firmware = p.from_version AND d.protocol = p.protocol LIMIT 1) IS NOT NULL"
        " ORDER BY p.name LIMIT :limit",
        {f"protocol_{place}": word for place, word in zip("abcd", protocols, strict=False)}
        | {"account_id": account_id, "limit": limit},
    )
    return [Package(*row) for row in rows]


def record_packages(connection: Connection, packages: Iterable[NewPackage]) -> None:
    """Creates packages; their names must be new."""
    rows = [
        (
            package.name,
            package.make,
            package.model,
            package.from_version,
            package.to_version,
            package.protocol,
            package.platform,
            package.release_note,
            package.launched_ms,
            int(package.pilot_passed),
            0,
            0,
        )
        for package in packages
    ]
    connection.insert("package", _INSERTED, rows)


def record_package_words(connection: Connection, package_id: int, release_note: str, pilot_passed: bool) -> None:
    connection.execute(
        "UPDATE package SET release_note = :release_note, pilot_passed = :pilot_passed WHERE id = :id",
        {"id": package_id, "release_note": release_note, "pilot_passed": int(pilot_passed)},
    )


def is_package_used(connection: Connection, package_id: int) -> bool:
    """Whether some campaign installs it, or did; no campaign begins to before the transaction ends."""
    connection.fetch(f"SELECT 1 FROM package WHERE id = :id {connection.words['lock_row']}", {"id": package_id})
    return bool(connection.fetch("SELECT 1 FROM campaign WHERE package_id = :id LIMIT 1", {"id": package_id}))


def delete_package(connection: Connection, package_id: int) -> None:
    connection.execute("DELETE FROM package WHERE id = :id", {"id": package_id})
