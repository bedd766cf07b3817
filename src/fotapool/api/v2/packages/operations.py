"""Version 2's operations on configuration files and their paths."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fotapool.api.common.operations import Call, Evidence, Operation, Upload
from fotapool.api.common.uploads import MAX_FORM_BYTES, UploadForm
from fotapool.api.v2.packages import schemas as words
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.packages import files
from fotapool.services.packages.contents import PendingContent, pending_content
from fotapool.store.packages.files import ConfigurationFile


@dataclass(frozen=True, slots=True)
class _Taken:
    """An upload that was read: what its form says, and its content, which waits for its row."""

    file: ConfigurationFile
    stored: PendingContent


@contextlib.asynccontextmanager
async def take_file(context: Context, upload: Upload) -> AsyncIterator[_Taken]:
    """Stores the file of a form. Raises RequestRejected; whatever was stored is deleted unless its row commits."""
    limit_bytes = context.settings.max_file_bytes
    if upload.content_length > limit_bytes + MAX_FORM_BYTES:
        raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
    form = UploadForm(upload.content_type, words.FILE_FIELD)
    async with pending_content(context, form.content(upload.chunks, limit_bytes)) as stored:
        yield _Taken(words.read_form(form.fields, form.upload_name), stored)


async def upload_file(call: Call) -> words.UploadedFile:
    taken: _Taken = call.taken
    return words.uploaded_file(await files.add_file(call.context, call.caller, taken.file, taken.stored))


async def list_files(call: Call) -> words.AvailableFiles:
    protocol = words.read_protocol(call.query("distributionType"))
    return words.available_files(await files.list_files(call.context, call.caller, protocol))


OPERATIONS = (
    Operation(
        id="V2-24",
        name="list_files",
        method="GET",
        paths=["/files/{account}"],
        handle=list_files,
        summary="List the account's configuration files for one protocol",
        response=words.AvailableFiles,
        evidence=Evidence.SDK,
        query=["distributionType"],
        notes="The page calls the answer a list; the SDK's model has it in a member, as here. Without "
        "`distributionType`, which the page requires, files for HTTP devices are listed. At most 10,000 files.",
        sdk="configuration_files.get_list_of_files",
    ),
    Operation(
        id="V2-25",
        name="upload_file",
        method="POST",
        paths=["/files/{account}"],
        handle=upload_file,
        summary="Upload a configuration file",
        response=words.UploadedFile,
        evidence=Evidence.SDK,
        request=words.FileForm,
        takes=take_file,
        notes="`fileName` is made of make, model and the upload's name; a name and version exist once. "
        "`releaseNote`, `distributionType` and `devicePlatformId` may be sent as further fields (our choice).",
        sdk="configuration_files.upload_config_file",
    ),
)
