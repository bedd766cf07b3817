"""Version 2's shapes of configuration files (pages of the API reference v2; SDK models …FilesResponse…)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from fotapool.domain.devices.devices import MAX_TEXT, NO_PROTOCOL, parse_protocol
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.packages import DEFAULT_PLATFORM, MAX_RELEASE_NOTE
from fotapool.services.packages.files import MAX_TARGET_PATH, check_text, file_name
from fotapool.store.packages.files import ConfigurationFile

DEFAULT_TYPE = "HTTP"
"""The `distributionType` of a request that names none: this version is for HTTP devices."""
FILE_FIELD = "fileupload"

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_Octets = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/octet-stream"})]


class FileForm(msgspec.Struct):
    """The form of an upload, as the vendor's SDK sends it; the last three members are ours."""

    fileupload: _Octets
    fileVersion: _Word
    make: _Word
    model: _Word
    localTargetPath: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TARGET_PATH)]
    releaseNote: Annotated[str, msgspec.Meta(max_length=MAX_RELEASE_NOTE)] = ""
    distributionType: str = DEFAULT_TYPE
    devicePlatformId: _Word = DEFAULT_PLATFORM


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


def read_protocol(word: str | None) -> str:
    """Raises RequestRejected(PROTOCOL_INVALID) for a word that is no protocol by which files are sent."""
    protocol = parse_protocol(word or DEFAULT_TYPE)
    if protocol is None or protocol == NO_PROTOCOL:
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID)
    return protocol


def read_form(fields: Mapping[str, str], upload_name: str | None) -> ConfigurationFile:
    """The file that a form describes, its time aside. Raises RequestRejected(FILE_INVALID or PROTOCOL_INVALID)."""
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
        protocol=read_protocol(fields.get("distributionType")),
        platform=check_text("devicePlatformId", fields.get("devicePlatformId") or DEFAULT_PLATFORM),
        release_note=note,
        launched_ms=0,
    )


def available_files(files: Sequence[ConfigurationFile]) -> AvailableFiles:
    return AvailableFiles(
        [
            AvailableFile(
                fileName=file.name,
                fileVersion=file.version,
                releaseNote=file.release_note,
                make=file.make,
                model=file.model,
                localTargetPath=file.target_path,
                distributionType=file.protocol,
                devicePlatformId=file.platform,
            )
            for file in files
        ]
    )


def uploaded_file(file: ConfigurationFile) -> UploadedFile:
    launched = datetime.fromtimestamp(file.launched_ms / 1000, tz=UTC).date().isoformat()
    return UploadedFile(
        fileName=file.name,
        fileVersion=file.version,
        launchDate=launched,
        releaseNote=file.release_note,
        model=file.model,
        make=file.make,
        distributionType=file.protocol,
        devicePlatformId=file.platform,
        localTargetPath=file.target_path,
    )
