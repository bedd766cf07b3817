"""Packages of firmware or software: the operator creates, lists, changes and deletes them."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Invalid
from fotapool.domain.packages import Package, pilot_has_passed
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.packages import contents, packages
from fotapool.services.snapshots.seed_documents import PackageLine
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NAME, PAGE_BY_NAME, text_parameter

FIRMWARE = text_parameter("firmware").in_path()


class FirmwareView(msgspec.Struct):
    """A package. `proven`: campaigns may have any number of devices, by rule or because the operator allows it.

    `contentLost` is there, and true, if the storage lacks the content or a part of it, so that devices cannot download
    it; lists do not check that.
    """

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
    contentLost: bool | msgspec.UnsetType = msgspec.UNSET


class FirmwareList(msgspec.Struct):
    firmware: list[FirmwareView]
    hasMoreData: bool


class FirmwareChange(msgspec.Struct, forbid_unknown_fields=True):
    """Members that are left out stay unchanged."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    releaseNote: str | msgspec.UnsetType = msgspec.UNSET
    proven: bool | msgspec.UnsetType = msgspec.UNSET


def _view(package: Package, content_lost: bool = False) -> FirmwareView:
    return from_attributes(
        FirmwareView,
        package,
        firmwareName=package.name,
        platformId=package.platform,
        launchDate=format_timestamp(package.launched_ms),
        proven=pilot_has_passed(bool(package.pilot_passed), package.succeeded, package.failed),
        provenByOperator=bool(package.pilot_passed),
        hasContent=package.content_sha256 is not None,
        contentLost=content_lost or msgspec.UNSET,
    )


async def create_firmware(call: OperatorCall, given: PackageLine | list[PackageLine]) -> FirmwareList:
    """Create packages of firmware or software: one, or an array of them, all or none."""
    lines = given if isinstance(given, list) else [given]
    now_ms = call.context.clock.now_ms()
    created = await packages.create_packages(call.context, [line.to_package(now_ms) for line in lines])
    return FirmwareList([_view(package) for package in created], False)


async def list_firmware(call: OperatorCall) -> FirmwareList:
    """List packages by name."""
    found, more = call.page(await packages.list_packages(call.context, call.get(AFTER_NAME), call.read_limit))
    return FirmwareList([_view(package) for package in found], more)


async def read_firmware(call: OperatorCall) -> FirmwareView:
    """Read a package."""
    package = await packages.get_package(call.context, call.get(FIRMWARE))
    return _view(package, await contents.is_package_content_lost(call.context, package.name))


async def change_firmware(call: OperatorCall, given: FirmwareChange) -> FirmwareView:
    """Change a package's release note, or lift its pilot rule."""
    note = None if given.releaseNote is msgspec.UNSET else given.releaseNote
    proven = None if given.proven is msgspec.UNSET else given.proven
    if note is None and proven is None:
        raise Invalid("the body must have releaseNote, proven or both")
    return _view(await packages.change_package(call.context, call.get(FIRMWARE), note, proven))


async def delete_firmware(call: OperatorCall) -> None:
    """Delete a package that no campaign installs or has installed."""
    await packages.remove_package(call.context, call.get(FIRMWARE))


_PATH = "/firmware/{firmware}"
OPERATIONS = (
    Operation("POST", "/firmware", create_firmware, status=201),
    Operation("GET", "/firmware", list_firmware, parameters=PAGE_BY_NAME),
    Operation("GET", _PATH, read_firmware, parameters=[FIRMWARE]),
    Operation("PUT", _PATH, change_firmware, parameters=[FIRMWARE]),
    Operation("DELETE", _PATH, delete_firmware, parameters=[FIRMWARE]),
)
