"""Packages of firmware or software: the operator creates, lists, changes and deletes them."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import Invalid
from fotapool.domain.packages import Package, pilot_has_passed
from fotapool.operator_api.requests import OperatorCall, OperatorOperation, answer, no_content
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
        firmwareName=package.name,
        make=package.make,
        model=package.model,
        fromVersion=package.from_version,
        toVersion=package.to_version,
        protocol=package.protocol,
        platformId=package.platform,
        releaseNote=package.release_note,
        launchDate=time_text(package.launched_ms),
        succeeded=package.succeeded,
        failed=package.failed,
        proven=pilot_has_passed(bool(package.pilot_passed), package.succeeded, package.failed),
        provenByOperator=bool(package.pilot_passed),
        hasContent=package.content_sha256 is not None,
    )


async def create_firmware(call: OperatorCall) -> Response:
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


async def list_firmware(call: OperatorCall) -> Response:
    limit = call.limit()
    found = await packages.list_packages(call.context, call.after(), limit + 1)
    return answer(FirmwareList([_view(package) for package in found[:limit]], len(found) > limit))


async def read_firmware(call: OperatorCall) -> Response:
    return answer(_view(await packages.get_package(call.context, _name(call))))


async def change_firmware(call: OperatorCall) -> Response:
    given = await call.body(FirmwareChange)
    package = await packages.change_package(call.context, _name(call), given.releaseNote, given.proven)
    return answer(_view(package))


async def delete_firmware(call: OperatorCall) -> Response:
    await packages.remove_package(call.context, _name(call))
    return no_content()


def _name(call: OperatorCall) -> str:
    """The package in the path; a name that no package can have is an unknown one. Raises Invalid."""
    name: str = call.request.path_params["firmware"]
    if "\x00" in name:
        raise Invalid("the name must not hold a NUL character")
    return name


OPERATIONS = (
    OperatorOperation(
        name="create_firmware",
        method="POST",
        path="/firmware",
        handle=create_firmware,
        summary="Create packages of firmware or software: one, or an array of them, all or none",
        response=FirmwareList,
        status=201,
        request=PackageLine | list[PackageLine],
    ),
    OperatorOperation(
        name="list_firmware",
        method="GET",
        path="/firmware",
        handle=list_firmware,
        summary="List packages by name",
        response=FirmwareList,
        query=(("after", "the last name of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default")),
    ),
    OperatorOperation(
        name="read_firmware",
        method="GET",
        path="/firmware/{firmware}",
        handle=read_firmware,
        summary="Read a package",
        response=FirmwareView,
    ),
    OperatorOperation(
        name="change_firmware",
        method="PUT",
        path="/firmware/{firmware}",
        handle=change_firmware,
        summary="Change a package's release note, or lift its pilot rule",
        response=FirmwareView,
        request=FirmwareChange,
    ),
    OperatorOperation(
        name="delete_firmware",
        method="DELETE",
        path="/firmware/{firmware}",
        handle=delete_firmware,
        summary="Delete a package that no campaign installs or did install",
        response=None,
        status=204,
    ),
)
