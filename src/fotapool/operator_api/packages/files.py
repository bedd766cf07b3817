"""The configuration files that accounts have uploaded with the documented API."""

from __future__ import annotations

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.packages import pilot_has_passed
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.packages import files
from fotapool.store.packages.files import StoredFile
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, PAGE_BY_NUMBER


class FileView(msgspec.Struct):
    """A version of a configuration file. `size` in bytes; `sha256` in hexadecimal; `launchDate`: its upload.

    `proven`: campaigns may have any number of devices. `id` names it for `after`.
    """

    id: int
    fileName: str
    fileVersion: str
    make: str
    model: str
    localTargetPath: str
    protocol: str
    releaseNote: str
    launchDate: str
    succeeded: int
    failed: int
    proven: bool
    size: int
    sha256: str


class FileList(msgspec.Struct):
    files: list[FileView]
    hasMoreData: bool


async def list_files(call: OperatorCall) -> FileList:
    """List the configuration files that the account has uploaded, by name and version."""
    found, more = call.page(
        await files.list_account_files(call.context, await call.caller(), call.get(AFTER_NUMBER), call.read_limit)
    )
    return FileList([_view(one) for one in found], more)


def _view(file: StoredFile) -> FileView:
    return from_attributes(
        FileView,
        file,
        fileName=file.name,
        fileVersion=file.version,
        localTargetPath=file.target_path,
        releaseNote=file.release_note,
        launchDate=format_timestamp(file.launched_ms),
        proven=pilot_has_passed(False, file.succeeded, file.failed),
        size=file.content_size,
        sha256=file.content_sha256,
    )


OPERATIONS = (Operation("GET", "/accounts/{name}/files", list_files, parameters=PAGE_BY_NUMBER),)
