"""Packages of firmware or software: managed by operators, and listed for an account's devices."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.packages import PACKAGE_PROTOCOLS, NewPackage, Package, check_package, check_release_note
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.services.packages.contents import purge_content
from fotapool.services.snapshots.seed_documents import check_unique
from fotapool.store.callbacks.deliveries import record_package_available
from fotapool.store.db.connection import Connection
from fotapool.store.packages.contents import read_package_content
from fotapool.store.packages.packages import (
    delete_package,
    is_package_used,
    read_fitting_packages,
    read_package,
    read_packages,
    read_packages_named,
    record_package_changes,
    record_packages,
)

MAX_PACKAGES = 10_000
"""Maximum number of packages of one request."""
MAX_PACKAGES_LISTED = 10_000
"""Maximum number of packages of an account's list, which has no pages."""


def check_names_are_free(connection: Connection, names: Sequence[str]) -> None:
    """Raises Conflict if a package has one of the names."""
    existing = read_packages_named(connection, names)
    if existing:
        raise Conflict(f"firmware {existing[0].name} exists already")


async def create_packages(context: Context, packages: Sequence[NewPackage]) -> list[Package]:
    """Creates all of the packages or none; returns them by name. Raises Invalid or Conflict."""
    context.audit.about("package", packages[0].name if packages else "")
    if not 0 < len(packages) <= MAX_PACKAGES:
        raise Invalid(f"send from 1 to {MAX_PACKAGES} packages")
    for package in packages:
        check_package(package)
    names = [package.name for package in packages]
    check_unique("firmware", names)

    def create(connection: Connection, now_ms: int) -> list[Package]:
        connection.lock_setup()
        check_names_are_free(connection, names)
        record_packages(connection, packages)
        record_package_available(connection, packages, now_ms)
        context.audit.record(connection, now_ms, after={"packages": names})
        return read_packages_named(connection, names)

    return await context.writer.submit(DirectCommand(create, alone=True, devices=len(packages)))


async def list_packages(context: Context, after: str, limit: int) -> list[Package]:
    """Packages by name, after the given one."""
    return await context.reader.short(read_packages, after, min(limit, OPERATOR_PAGE + 1))


async def get_package(context: Context, name: str) -> Package:
    """The package of this name. Raises NotFound."""
    return _existing(await context.reader.short(read_package, name), name)


def _existing(package: Package | None, name: str) -> Package:
    if package is None:
        raise NotFound(f"firmware {name[:100]} does not exist")
    return package


async def change_package(context: Context, name: str, release_note: str | None, pilot_passed: bool | None) -> Package:
    """Changes the members that are not None; returns the package. Raises Invalid or NotFound."""
    check_release_note(release_note or "")

    def change(connection: Connection, now_ms: int) -> Package:
        package = _existing(read_package(connection, name), name)
        note = package.release_note if release_note is None else release_note
        passed = bool(package.pilot_passed) if pilot_passed is None else pilot_passed
        record_package_changes(connection, package.id, note, passed)
        context.audit.record(
            connection,
            now_ms,
            {"releaseNote": package.release_note, "proven": bool(package.pilot_passed)},
            {"releaseNote": note, "proven": passed},
        )
        return _existing(read_package(connection, name), name)

    return await context.writer.submit(DirectCommand(change))


async def remove_package(context: Context, name: str) -> None:
    """Deletes a package and its content. Raises NotFound, and Conflict if a campaign refers to it."""

    def remove(connection: Connection, now_ms: int) -> str | None:
        package = _existing(read_package(connection, name), name)
        if is_package_used(connection, package.id):
            raise Conflict(f"a campaign installs firmware {name}, or did; it has to stay for its history")
        (content,) = read_package_content(connection, name) or (None,)
        delete_package(connection, package.id)
        fit = {"make": package.make, "model": package.model}
        versions = {"fromVersion": package.from_version, "toVersion": package.to_version}
        context.audit.record(connection, now_ms, {**fit, **versions, "sha256": package.content_sha256})
        return content.key if content else None

    content_key = await context.writer.submit(DirectCommand(remove))
    if content_key is not None:
        await purge_content(context, content_key)


async def list_fitting_packages(
    context: Context, caller: Caller, protocol: str | None, among: Sequence[str] = PACKAGE_PROTOCOLS
) -> list[Package]:
    """Packages of one protocol, or of all of `among`, that some device of the account can install now, by name."""
    protocols = among if protocol is None else (protocol,)
    return await context.reader.long(read_fitting_packages, caller.account_id, protocols, MAX_PACKAGES_LISTED)
