"""Rejects requests with names that the operation does not take, for the setting `strict`."""

from __future__ import annotations

import functools
from typing import Any

from msgspec.structs import replace

from fotapool.api.common.operations import Call, Operation
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.web.known_names import KnownNames, unknown_names


def known_names(operation: Operation) -> KnownNames:
    """What the operation takes. The fields of a form are not among it."""
    return KnownNames(operation.query, None if operation.upload_reader is not None else operation.request)


def strict(operation: Operation) -> Operation:
    """The operation, which then rejects unknown members and query parameters."""
    handle, known = operation.handle, known_names(operation)

    @functools.wraps(handle)
    async def checked(call: Call) -> Any:
        check_names(known, call.query_string.decode("latin-1"), call.body)
        return await handle(call)

    return replace(operation, handle=checked)


def check_names(known: KnownNames, query: str, body: bytes) -> None:
    """Raises RequestRejected(MEMBER_UNKNOWN)."""
    for unknown in unknown_names(known, query, body):
        raise RequestRejected(ErrorCode.MEMBER_UNKNOWN, unknown.name)
