"""Packages of firmware or software: the operator creates, lists, changes and deletes them."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import Invalid
from fotapool.domain.packages import Package, is_proven
from fotapool.operator_api.requests import ControlCall, ControlOperation, answer, no_content
from fotapool.services.packages import packages
from fotapool.services.snapshots.seed_documents import PackageLine
from fotapool.web.http import read_body


class FirmwareView(msgspec.Struct):
    """A package; `proven` tells whether campaigns may have any number of devices, by the operator's word or by rule."""

    firmwareName: str
    make: str
    model: str
    fromVersion: str
    toVersion: str
    protocol: str
    platformId: str
    releaseNote: str
    launchDate: str
    succeeded: int
    failed: int
    proven: bool
    provenByOperator: bool
    hasContent: bool


class FirmwareList(msgspec.Struct):
    firmware: list[FirmwareView]
    hasMoreData: bool


class FirmwareChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    releaseNote: str | None = None
    proven: bool | None = None


_given = msgspec.json.Decoder(PackageLine | list[PackageLine])


def _view(package: Package) -> FirmwareView:
    return FirmwareView(
        package.name, package.make, package.model, package.from_version, package.to_version, package.protocol,
        package.platform, package.release_note, time_text(package.launched_ms), package.succeeded, package.failed,
        is_proven(bool(package.proven), package.succeeded, package.failed), bool(package.proven),
        package.content_sha256 is not None,
    )  # fmt: skip


async def create_firmware(call: ControlCall) -> Response:
    """Takes one package or an array of them; raises Invalid or Conflict, and none of them is created."""
    length = call.request.headers.get("content-length", "0")
    declared = int(length) if length.isascii() and length.isdigit() else 0
    text = await read_body(call.request.receive, declared, call.context.settings.max_body_bytes)
    try:
        given = _given.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Invalid(f"the body is not what the operation takes: {error}") from error
    lines = given if isinstance(given, list) else [given]
    now_ms = call.context.clock.now_ms()
    created = await packages.create_packages(call.context, [line.to_package(now_ms) for line in lines])
    return answer(FirmwareList([_view(package) for package in created], False), 201)


async def list_firmware(call: ControlCall) -> Response:
    limit = call.limit()
    found = await packages.list_packages(call.context, call.after(), limit + 1)
    return answer(FirmwareList([_view(package) for package in found[:limit]], len(found) > limit))


async def read_firmware(call: ControlCall) -> Response:
    return answer(_view(await packages.get_package(call.context, _name(call))))


async def change_firmware(call: ControlCall) -> Response:
    given = await call.body(FirmwareChange)
    package = await packages.change_package(call.context, _name(call), given.releaseNote, given.proven)
    return answer(_view(package))


async def delete_firmware(call: ControlCall) -> Response:
    await packages.remove_package(call.context, _name(call))
    return no_content()


def _name(call: ControlCall) -> str:
    """The package in the path; a name that no package can have is an unknown one. Raises Invalid."""
    name: str = call.request.path_params["firmware"]
    if "\x00" in name:
        raise Invalid("the name must not hold a NUL character")
    return name


OPERATIONS = (
    ControlOperation(
        "create_firmware", "POST", "/firmware", create_firmware,
        "Create packages of firmware or software: one, or an array of them, all or none", FirmwareList, 201,
        PackageLine | list[PackageLine],
    ),
    ControlOperation(
        "list_firmware", "GET", "/firmware", list_firmware, "List packages by name", FirmwareList,
        query=(("after", "the last name of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default")),
    ),
    ControlOperation("read_firmware", "GET", "/firmware/{firmware}", read_firmware, "Read a package", FirmwareView),
    ControlOperation(
        "change_firmware", "PUT", "/firmware/{firmware}", change_firmware,
        "Change a package's release note, or lift its pilot rule", FirmwareView, request=FirmwareChange,
    ),
    ControlOperation(
        "delete_firmware", "DELETE", "/firmware/{firmware}", delete_firmware,
        "Delete a package that no campaign installs or did install", None, 204,
    ),
)  # fmt: skip
