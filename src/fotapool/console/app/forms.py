"""Reads the forms of POST requests, within limits."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request

from fotapool.console.app.pages import MAX_FIELDS, MAX_TEXT_BYTES
from fotapool.domain.errors import ErrorCode, RequestRejected


async def read_form(request: Request, max_file_bytes: int) -> FormData:
    """The form of a POST request; empty for other methods.

    Raises RequestRejected(BODY_TOO_LARGE), and HTTPException if the form cannot be parsed.
    """
    if request.method != "POST":
        return FormData()
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or int(length) > max_file_bytes + MAX_TEXT_BYTES:
        raise RequestRejected(ErrorCode.BODY_TOO_LARGE)
    return await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_TEXT_BYTES)
