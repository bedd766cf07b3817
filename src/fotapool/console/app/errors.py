"""Error pages: which status, title, message and advice an exception becomes."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.packages.contents import ContentsUnavailable
from fotapool.store.db.connection import OutcomeUnknown, StoreUnavailable

_STATUSES = {ErrorCode.BODY_TOO_LARGE: 413, ErrorCode.FILE_TOO_LARGE: 413, ErrorCode.ENCODING_UNSUPPORTED: 415}
_BEGINS_WITH_CODE = re.compile(r"[a-z]+[A-Z]\w*: ")
_NOT_CHANGED = "Nothing was changed."
_CORRECT_IT = "Go back, correct it and send it again."


class PageError(Exception):
    """The error page to show instead of the requested page."""

    def __init__(self, status: int, title: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.message = sentence(message)
        self.advice = advice


def page_error(error: Exception) -> PageError:
    """The error page of an exception. An unexpected exception becomes a 500 without details."""
    match error:
        case PageError():
            return error
        case NotFound():
            return PageError(404, "Not found", str(error), "Check the address, or start from the list of accounts.")
        case Invalid():
            return PageError(400, "Invalid request", str(error), _CORRECT_IT)
        case Conflict():
            return PageError(409, "Conflict", str(error), _NOT_CHANGED)
        case OutcomeUnknown():
            message = "The database went away while the change was saved. It was saved completely or not at all."
            return PageError(503, "Busy", message, "Look whether it was, before you send the form again.")
        case ContentsUnavailable():
            message = f"The storage of contents is not available. {_NOT_CHANGED}"
            return PageError(503, "Busy", message, "Try again in a few seconds. The server log has details.")
        case StoreUnavailable() | RequestRejected(code=ErrorCode.BUSY | ErrorCode.STORE_UNAVAILABLE):
            message = f"The database is not available, or too many requests are waiting. {_NOT_CHANGED}"
            return PageError(503, "Busy", message, "Try again in a few seconds. The server log has details.")
        case RequestRejected(code=code, detail=detail):
            status = _STATUSES.get(code, 400)
            message = f"{code.value}: {detail}" if detail else code.value
            return PageError(status, "Request rejected", message, f"{_NOT_CHANGED} {_CORRECT_IT}")
        case HTTPException():  # raised while a form is read
            return PageError(error.status_code, "Invalid request", str(error.detail), "Go back and try again.")
    advice = "Try again. If it happens again, report it with the request ID below."
    return PageError(500, "Server error", "An unexpected error occurred; the server log has the details", advice)


def sentence(text: str) -> str:
    """The text with a capital letter first, unless it begins with a code as in `deviceNotFound: …`, and a full stop."""
    first = text[:1] if _BEGINS_WITH_CODE.match(text) else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
