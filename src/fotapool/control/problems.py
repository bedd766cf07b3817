"""Errors of the operator plane, as problem details (RFC 9457)."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.domain.errors import Conflict, Invalid, NotFound, Refusal, Refused
from fotapool.store.database import StoreUnavailable


class Problem(msgspec.Struct, omit_defaults=True):
    """`type` is left out: about:blank, the title is that of the status."""

    title: str
    status: int
    detail: str


TITLES = {
    400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Content Too Large", 415: "Unsupported Media Type", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = msgspec.json.encode(Problem(TITLES[status], status, detail))
    return Response(body, status, headers, media_type="application/problem+json")


def problem_of(error: Exception, retry_after_s: int) -> Response | None:
    """The answer to an error that the operator can do something about; None for any other."""
    if isinstance(error, Invalid):
        return problem(400, str(error))
    if isinstance(error, NotFound):
        return problem(404, str(error))
    if isinstance(error, Conflict):
        return problem(409, str(error))
    if isinstance(error, StoreUnavailable) or (isinstance(error, Refused) and error.refusal is Refusal.BUSY):
        return problem(503, "the database does not answer; try again later", {"Retry-After": str(retry_after_s)})
    if isinstance(error, Refused):
        status = 413 if error.refusal is Refusal.BODY_TOO_LARGE else 400
        return problem(status, error.refusal.value)
    return None
