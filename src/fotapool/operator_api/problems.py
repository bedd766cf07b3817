"""Errors of the operator plane, as problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.devices.imports import Interrupted
from fotapool.store.db.connection import StoreUnavailable


class Problem(msgspec.Struct, omit_defaults=True):
    """`type` is left out: about:blank, the title is that of the status."""

    title: str
    status: int
    detail: str
    result: Any = msgspec.UNSET
    """What was done before the error, where that is kept: of an import, the lines so far."""


class Unsupported(Exception):
    """The body's media type is not one that the operation reads; the message says which are."""


TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, result: Any = msgspec.UNSET) -> Response:
    body = msgspec.json.encode(Problem(TITLES[status], status, detail, result))
    return Response(body, status, headers, media_type="application/problem+json")


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Invalid, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Unsupported, 415),
    (StoreUnavailable, 503),
)
_STATUS_OF_REFUSAL = {
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.FILE_TOO_LARGE: 413,
    ErrorCode.BUSY: 503,
    ErrorCode.STORE_UNAVAILABLE: 503,
}


def describe(error: Exception) -> tuple[int, str] | None:
    """Status and words for an error that the operator can do something about; None for any other."""
    if isinstance(error, RequestRejected):
        status, words = _STATUS_OF_REFUSAL.get(error.code, 400), error.code.value
    else:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        words = str(error)
    if status == 500:
        return None
    return status, "the database does not answer, or too much waits for it; try again later" if status == 503 else words


def problem_of(error: Exception, retry_after_s: int) -> Response | None:
    """The answer to an error that the operator can do something about; None for any other."""
    cause = error.error if isinstance(error, Interrupted) else error
    described = describe(cause)
    if described is None:
        return None
    status, words = described
    headers = {"Retry-After": str(retry_after_s)} if status == 503 else None
    if isinstance(error, Interrupted):
        return problem(status, f"{words} ({error})", headers, error.result)
    return problem(status, words, headers)
