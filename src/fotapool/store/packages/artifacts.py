"""What campaigns install, packages and configuration files alike, and how often that went well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Artifact
from fotapool.domain.packages import pilot_has_passed
from fotapool.store.db.connection import Connection

_PACKAGE = (
    "SELECT id, name, make, model, from_version, to_version, protocol, pilot_passed, succeeded, failed"
    " FROM package WHERE"
)
_FILE = "SELECT id, name, make, model, '', version, protocol, 0, succeeded, failed FROM configuration_file WHERE"


def _found(connection: Connection, is_file: bool, sql: str, params: Mapping[str, object]) -> Artifact | None:
    rows = connection.fetch(sql, params)
    if not rows:
        return None
    subject_id, name, make, model, from_version, to_version, protocol, by_operator, succeeded, failed = rows[0]
    pilot_passed = pilot_has_passed(bool(by_operator), succeeded, failed)
    return Artifact(
        id=subject_id,
        is_file=is_file,
        name=name,
        make=make,
        model=model,
        from_version=from_version,
        to_version=to_version,
        protocol=protocol,
        pilot_passed=pilot_passed,
    )


def find_package(connection: Connection, name: str) -> Artifact | None:
    """The package of that name, which nobody deletes before the transaction ends."""
    return _found(connection, False, f"{_PACKAGE} name = :name {connection.words['keep_row']}", {"name": name})


def find_file(connection: Connection, account_id: int, name: str, version: str) -> Artifact | None:
    """The account's file of that name and version."""
    params = {"account_id": account_id, "name": name, "version": version}
    return _found(connection, True, f"{_FILE} account_id = :account_id AND name = :name AND version = :version", params)


def read_artifact(connection: Connection, is_file: bool, subject_id: int) -> Artifact:
    """The package or file of that id; it exists as long as a campaign of it does."""
    found = _found(connection, is_file, f"{_FILE if is_file else _PACKAGE} id = :id", {"id": subject_id})
    assert found is not None
    return found


def record_pilot_result(connection: Connection, is_file: bool, subject_id: int, succeeded: int, failed: int) -> None:
    """Counts upgrades that ended, for the pilot rule."""
    table = "configuration_file" if is_file else "package"
    connection.execute(
        f"UPDATE {table} SET succeeded = succeeded + :succeeded, failed = failed + :failed WHERE id = :id",
        {"id": subject_id, "succeeded": succeeded, "failed": failed},
    )


class Content(NamedTuple):
    """The stored bytes of a package or file: where, how many, and their SHA-256 in hex; all None without any."""

    key: str | None
    size: int | None
    sha256: str | None
    target_path: str


def read_content(connection: Connection, subject: Artifact) -> Content:
    """What a device downloads."""
    columns, table = ("target_path", "configuration_file") if subject.is_file else ("''", "package")
    rows = connection.fetch(
        f"SELECT content_key, content_size, content_sha256, {columns} FROM {table} WHERE id = :id", {"id": subject.id}
    )
    return Content(*rows[0])
