"""Artifacts: packages and configuration files, as campaigns install them, with the results of the pilot rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from fotapool.domain.campaigns.campaigns import Artifact
from fotapool.domain.packages import pilot_has_passed
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, fetch_one
from fotapool.store.packages.contents import Content

_COLUMNS = columns(Artifact, is_file="0") + ", succeeded, failed"
_PACKAGE = f"SELECT {_COLUMNS} FROM package WHERE"
_FILE_COLUMNS = columns(Artifact, is_file="1", from_version="''", to_version="version", pilot_passed="0")
_FILE = f"SELECT {_FILE_COLUMNS}, succeeded, failed FROM configuration_file WHERE"


def _artifact(*values: Any) -> Artifact:
    *values_, succeeded, failed = values
    found = Artifact(*values_)
    pilot_passed = pilot_has_passed(bool(found.pilot_passed), succeeded, failed)
    return replace(found, is_file=bool(found.is_file), pilot_passed=pilot_passed)


def find_package(connection: Connection, name: str) -> Artifact | None:
    """The package with the name, locked against deletion until the transaction ends."""
    return fetch_one(connection, _artifact, f"{_PACKAGE} name = :name {connection.syntax['share_row']}", name=name)


def find_file(connection: Connection, account_id: int, name: str, version: str) -> Artifact | None:
    """The account's file with the name and version."""
    sql = f"{_FILE} account_id = :account_id AND name = :name AND version = :version"
    return fetch_one(connection, _artifact, sql, account_id=account_id, name=name, version=version)


def read_artifact(connection: Connection, is_file: bool, artifact_id: int) -> Artifact:
    """The package or file with the id, which exists as long as a campaign of it does."""
    found = fetch_one(connection, _artifact, f"{_FILE if is_file else _PACKAGE} id = :id", id=artifact_id)
    assert found is not None
    return found


def record_pilot_result(connection: Connection, is_file: bool, artifact_id: int, succeeded: int, failed: int) -> None:
    """Adds results of upgrades for the pilot rule."""
    table = "configuration_file" if is_file else "package"
    connection.execute(
        f"UPDATE {table} SET succeeded = succeeded + :succeeded, failed = failed + :failed WHERE id = :id",
        {"id": artifact_id, "succeeded": succeeded, "failed": failed},
    )


class ArtifactContent(NamedTuple):
    """The stored content of a package or file: key, size in bytes, and SHA-256 in hex; None without a content."""

    key: str | None
    size: int | None
    sha256: str | None
    target_path: str

    @property
    def stored(self) -> Content | None:
        """The content in the storage, if one was uploaded."""
        if self.key is None or self.size is None or self.sha256 is None:
            return None
        return Content(self.key, self.size, self.sha256)


def read_content(connection: Connection, artifact: Artifact) -> ArtifactContent:
    """The content that a device downloads."""
    columns, table = ("target_path", "configuration_file") if artifact.is_file else ("''", "package")
    rows = connection.fetch(
        f"SELECT content_key, content_size, content_sha256, {columns} FROM {table} WHERE id = :id", {"id": artifact.id}
    )
    return ArtifactContent(*rows[0])
