"""Errors of the JSON APIs as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fotapool.core.throttle import Throttled
from fotapool.domain.errors import Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.store.db.connection import OutcomeUnknown, StoreUnavailable
from fotapool.web.http import ClientGone

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_STATUSES: dict[type[Exception], int] = {
    Invalid: 400,
    NotFound: 404,
    Conflict: 409,
    StoreUnavailable: 503,
    ClientDisconnect: 400,
    ClientGone: 400,
    Throttled: 429,
}
_CODE_STATUSES = {
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.FILE_TOO_LARGE: 413,
    ErrorCode.BUSY: 503,
    ErrorCode.STORE_UNAVAILABLE: 503,
    ErrorCode.ENCODING_UNSUPPORTED: 415,
}


class Problem(msgspec.Struct, omit_defaults=True):
    """`type` is left out: about:blank, the title is that of the status."""

    title: str
    status: int
    detail: str
    result: Any = msgspec.UNSET
    """What goes with the error: of an import, the lines stored before it; of an outdated preview, the new one."""


class HttpError(Exception):
    """Raised by a handler to answer with a status of its own."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, result: Any = msgspec.UNSET
) -> Response:
    """The response with a problem as its body."""
    body = msgspec.json.encode(Problem(TITLES[status], status, detail, result))
    return Response(body, status, headers, media_type=MEDIA_TYPE)


def describe(error: Exception) -> tuple[int, str]:
    """Status and detail of the answer to an error; (500, "") if it is a fault of the server."""
    if isinstance(error, HttpError):
        return error.status, str(error)
    if isinstance(error, RequestRejected):
        status, detail = _CODE_STATUSES.get(error.code, 400), error.code.value
    else:
        status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
        detail = str(error) or "the client went away before the body had ended"
    if isinstance(error, OutcomeUnknown):
        return 503, "the database went away during the commit: the change was done or not; read the state first"
    if status == 503:
        return 503, "the server is busy; try again later"
    return (500, "") if status == 500 else (status, detail)


def problem_of(error: Exception, retry_after_s: int, note: str = "", result: Any = msgspec.UNSET) -> Response | None:
    """The answer to an error, with `note` added to its detail; None if it is a fault of the server."""
    status, detail = describe(error)
    if status == 500:
        return None
    headers = error.headers if isinstance(error, HttpError) else None
    if isinstance(error, Throttled):
        headers = {"Retry-After": str(error.retry_after_s)}
    if status == 503:
        headers = {"Retry-After": str(retry_after_s)}
    return problem(status, f"{detail} ({note})" if note else detail, headers, result)
