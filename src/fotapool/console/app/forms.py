"""Reads the forms of POST requests, within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from fotapool.console.app.pages import MAX_FIELDS, MAX_TEXT_BYTES
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.web.http import MAX_CONTENT_TYPE

CHUNK_BYTES = 256 * 1024


async def read_form(request: Request, max_file_bytes: int, max_text_bytes: int = MAX_TEXT_BYTES) -> FormData:
    """The form of a POST request; empty for other methods.

    Raises RequestRejected: BODY_TOO_LARGE, BODY_INVALID if the form cannot be parsed, or ENCODING_UNSUPPORTED.
    """
    if request.method != "POST":
        return FormData()
    length = request.headers.get("content-length", "")
    limits = f"a file may have {_size(max_file_bytes)}, a text {_size(max_text_bytes)}"
    if not (length.isascii() and length.isdigit()) or int(length) > max_file_bytes + max_text_bytes:
        raise RequestRejected(ErrorCode.BODY_TOO_LARGE, limits)
    if len(request.headers.get("content-type", "")) > MAX_CONTENT_TYPE:
        raise RequestRejected(ErrorCode.BODY_INVALID, "the form cannot be read")
    limited = Request(request.scope, _limited(request.receive, max_file_bytes + max_text_bytes))
    try:
        return await limited.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=max_text_bytes)
    except (MultiPartException, FormParserError, UnicodeError, HTTPException) as error:
        if "exceeded maximum size" in str(error):
            raise RequestRejected(ErrorCode.BODY_TOO_LARGE, limits) from error
        raise RequestRejected(ErrorCode.BODY_INVALID, "the form cannot be read") from error


async def chunks_of(upload: UploadFile) -> AsyncIterator[bytes]:
    """The content of an uploaded file."""
    while chunk := await upload.read(CHUNK_BYTES):
        yield chunk


def _size(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"


def _limited(receive: Receive, limit_bytes: int) -> Receive:
    """Bounds a body that is longer than its Content-Length says, as a compressed one is."""
    size = 0

    async def receive_within() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit_bytes:
            raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
        return message

    return receive_within
