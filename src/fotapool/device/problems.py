"""Errors of the devices' edge, as problem details (RFC 9457)."""

from __future__ import annotations

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.identity.device_keys import KeyUnknown
from fotapool.store.db.connection import StoreUnavailable
from fotapool.web.http import ClientGone


class Problem(msgspec.Struct):
    """`type` is left out: about:blank, the title is that of the status."""

    title: str
    status: int
    detail: str


TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Invalid, 400),
    (NotFound, 404),
    (Conflict, 409),
    (StoreUnavailable, 503),
    (ClientDisconnect, 400),
    (ClientGone, 400),
)
_STATUS_OF_REFUSAL = {ErrorCode.BODY_TOO_LARGE: 413, ErrorCode.BUSY: 503, ErrorCode.STORE_UNAVAILABLE: 503}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = msgspec.json.encode(Problem(TITLES[status], status, detail))
    return Response(body, status, headers, media_type="application/problem+json")


def problem_of(error: Exception, retry_after_s: int) -> Response | None:
    """The answer to an error that the device can do something about; None for any other."""
    if isinstance(error, KeyUnknown):
        detail = "send the device key as Authorization: Bearer KEY"
        return problem(401, detail, {"WWW-Authenticate": 'Bearer realm="fotapool device"'})
    if isinstance(error, RequestRejected):
        status, words = _STATUS_OF_REFUSAL.get(error.code, 400), error.code.value
    else:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        words = str(error) or "the request was broken off"
    if status == 500:
        return None
    if status == 503:
        return problem(503, "the server is busy; try again later", {"Retry-After": str(retry_after_s)})
    return problem(status, words)
