"""Configuration files of an account: list them, and record one whose content is stored."""

from __future__ import annotations

import re

from fotapool.domain.devices.devices import MAX_TEXT
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.services.packages.contents import PendingContent
from fotapool.store.db.connection import Connection
from fotapool.store.packages.files import (
    ConfigurationFile,
    StoredFile,
    count_files,
    has_file,
    read_files,
    read_files_after,
    record_file,
)

MAX_FILES = 10_000
"""Maximum number of files of an account, each version counted; a list returns all of them."""
MAX_UPLOAD_NAME = 200
MAX_TARGET_PATH = 1_000

_OTHER_CHARACTERS = re.compile(r"[^0-9A-Za-z._-]")


def file_name(make: str, model: str, upload_name: str) -> str:
    """The name of an uploaded file, as in `configfile-Verizon_VZW1_hello-world.txt` (SDK model, example).

    Only the last part of a path counts: the vendor's SDK sends the path that its user opened. Characters other than
    letters, digits, `.`, `_` and `-` become `-`. Raises RequestRejected(FILE_INVALID) for a name that is empty, too
    long, or consists of dots.
    """
    last = re.split(r"[/\\]", upload_name)[-1]
    if not last.strip(". ") or len(last) > MAX_UPLOAD_NAME:
        raise RequestRejected(ErrorCode.FILE_INVALID, "the upload has no usable file name")
    return f"configfile-{_OTHER_CHARACTERS.sub('-', f'{make}_{model}_{last}')}"


def check_text(name: str, text: str, longest: int = MAX_TEXT, shortest: int = 1) -> str:
    """Returns the text. Raises RequestRejected(FILE_INVALID) if it is missing, too long, or has control characters."""
    if not shortest <= len(text.strip()) <= len(text) <= longest or not text.isprintable():
        raise RequestRejected(ErrorCode.FILE_INVALID, f"{name} must be {shortest} to {longest} printable characters")
    return text


async def list_files(context: Context, caller: Caller, protocol: str) -> list[ConfigurationFile]:
    """The account's files for devices of the protocol, by name and version."""
    return await context.reader.short(read_files, caller.account_id, protocol, MAX_FILES)


async def list_account_files(context: Context, caller: Caller, after: int, limit: int) -> list[StoredFile]:
    """The account's files by name and version, after the file with the id `after`; 0 for the first ones."""
    most = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.short(read_files_after, caller.account_id, after, most)


async def add_file(
    context: Context, caller: Caller, file: ConfigurationFile, pending: PendingContent
) -> ConfigurationFile:
    """Records the file with its content; returns it with its launch time.

    Raises RequestRejected: FILE_EXISTS for a name and version that the account has, FILE_INVALID if it has MAX_FILES.
    """

    def add(connection: Connection, now_ms: int) -> ConfigurationFile:
        if has_file(connection, caller.account_id, file.name, file.version):
            raise RequestRejected(ErrorCode.FILE_EXISTS)
        if count_files(connection, caller.account_id, MAX_FILES) == MAX_FILES:
            raise RequestRejected(ErrorCode.FILE_INVALID, "the account has as many files as it may")
        launched = file._replace(launched_ms=now_ms)
        record_file(connection, caller.account_id, launched, pending.content)
        return launched

    launched = await context.writer.submit(DirectCommand(add, caller=caller))
    pending.recorded = True
    return launched
