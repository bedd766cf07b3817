"""Version 2: configuration files (pages of the API reference v2, SDK models …FilesResponse…)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, cast

import msgspec

from fotapool.api.common.operations import Call, Evidence, OperationTable, UploadStream
from fotapool.api.common.time_styles import rfc3339
from fotapool.api.common.uploads import MAX_FORM_BYTES, UploadForm
from fotapool.domain.devices.devices import MAX_TEXT, NO_PROTOCOL, parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.packages import DEFAULT_PLATFORM, MAX_RELEASE_NOTE
from fotapool.domain.records import from_attributes
from fotapool.services.context import Context
from fotapool.services.packages import files
from fotapool.services.packages.contents import PendingContent, pending_content
from fotapool.services.packages.files import MAX_TARGET_PATH, check_text, file_name
from fotapool.store.packages.files import ConfigurationFile

DEFAULT_TYPE = "HTTP"
"""The `distributionType` of a request that names none: this version is for HTTP devices."""
FILE_FIELD = "fileupload"

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_Content = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/octet-stream"})]


class FileForm(msgspec.Struct):
    """The form of an upload, as the vendor's SDK sends it; the last three members are ours."""

    fileupload: _Content
    fileVersion: _Name
    make: _Name
    model: _Name
    localTargetPath: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TARGET_PATH)]
    releaseNote: Annotated[str, msgspec.Meta(max_length=MAX_RELEASE_NOTE)] = ""
    distributionType: str = DEFAULT_TYPE
    devicePlatformId: _Name = DEFAULT_PLATFORM


class AvailableFile(msgspec.Struct):
    fileName: str
    fileVersion: str
    releaseNote: str
    make: str
    model: str
    localTargetPath: str
    distributionType: str
    devicePlatformId: str


class AvailableFiles(msgspec.Struct):
    """The member's name, with its capital letter, is that of the SDK's model."""

    AvailableFilesResponse: list[AvailableFile]


class UploadedFile(msgspec.Struct):
    fileName: str
    fileVersion: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    distributionType: str
    devicePlatformId: str
    localTargetPath: str


def _available_file(file: ConfigurationFile) -> AvailableFile:
    return from_attributes(
        AvailableFile,
        file,
        fileName=file.name,
        fileVersion=file.version,
        localTargetPath=file.target_path,
        distributionType=file.protocol,
        devicePlatformId=file.platform,
    )


class _Upload(msgspec.Struct, frozen=True):
    """The file that a form describes, and its content, which is deleted unless the file is added."""

    file: ConfigurationFile
    stored: PendingContent

    @property
    def identity(self) -> bytes:
        """What the form says, and the hash of the content."""
        return f"{self.file} {self.stored.content.sha256}".encode()


@contextlib.asynccontextmanager
async def read_upload(context: Context, stream: UploadStream) -> AsyncIterator[_Upload]:
    """Stores the content of the file in a form.

    Raises RequestRejected: FILE_TOO_LARGE, FILE_INVALID or PROTOCOL_INVALID.
    """
    limit_bytes = context.settings.max_file_bytes
    if stream.content_length > limit_bytes + MAX_FORM_BYTES:
        raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
    form = UploadForm(stream.content_type, FILE_FIELD)
    async with pending_content(context, form.content(stream.chunks, limit_bytes), stream.account) as stored:
        yield _Upload(_read_form(form.fields, form.upload_name), stored)


def _read_form(fields: Mapping[str, str], upload_name: str | None) -> ConfigurationFile:
    """The file that a form describes, without its time. Raises RequestRejected(FILE_INVALID or PROTOCOL_INVALID)."""
    if upload_name is None:
        raise RequestRejected(ErrorCode.FILE_INVALID, f"the form has no part {FILE_FIELD}")
    make, model, version = (check_text(name, fields.get(name, "")) for name in ("make", "model", "fileVersion"))
    note = fields.get("releaseNote", "")
    check_text("releaseNote", " ".join(note.split()), MAX_RELEASE_NOTE, 0)
    return ConfigurationFile(
        name=file_name(make, model, upload_name),
        version=version,
        make=make,
        model=model,
        target_path=check_text("localTargetPath", fields.get("localTargetPath", ""), MAX_TARGET_PATH),
        protocol=_read_protocol(fields.get("distributionType")),
        platform=check_text("devicePlatformId", fields.get("devicePlatformId") or DEFAULT_PLATFORM),
        release_note=note,
        launched_ms=0,
    )


def _read_protocol(text: str | None) -> str:
    """A protocol by which files are sent. Raises RequestRejected(PROTOCOL_INVALID)."""
    protocol = parse_protocol(text or DEFAULT_TYPE)
    if protocol is None or protocol == NO_PROTOCOL:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID)
    return protocol


operations = OperationTable()


@operations.get(
    "V2-24",
    "/files/{account}",
    evidence=Evidence.SDK,
    query=["distributionType"],
    notes="The page calls the response a list; here it has the list in a member, as in the SDK's model. Without "
    "`distributionType`, which the page requires, files for HTTP devices are listed. At most 10,000 files.",
    sdk="configuration_files.get_list_of_files",
)
async def list_files(call: Call) -> AvailableFiles:
    """List the account's configuration files for one protocol."""
    protocol = _read_protocol(call.query("distributionType"))
    return AvailableFiles(
        [_available_file(file) for file in await files.list_files(call.context, call.caller, protocol)]
    )


@operations.post(
    "V2-25",
    "/files/{account}",
    evidence=Evidence.SDK,
    request=FileForm,
    upload_reader=read_upload,
    other_methods=["PUT"],
    notes="`PUT`, which one page lists without a description, does the same. "
    "`fileName` is made of make, model and the upload's name; a name and version exist once. "
    "`releaseNote`, `distributionType` and `devicePlatformId` may be sent as further fields (our choice).",
    sdk="configuration_files.upload_config_file",
)
async def upload_file(call: Call) -> UploadedFile:
    """Upload a configuration file."""
    upload = cast(_Upload, call.upload)

    def write(file: ConfigurationFile) -> UploadedFile:
        members = msgspec.structs.asdict(_available_file(file))
        return UploadedFile(launchDate=rfc3339(file.launched_ms)[:10], **members)

    return await call.answer(files.add_file(call.context, call.caller, upload.file, upload.stored), write)
