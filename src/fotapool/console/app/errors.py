"""Errors as pages: what happened, and what to try."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from fotapool.domain.errors import Conflict, ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.store.db.connection import StoreUnavailable


class PageFault(Exception):
    """What a page shows in place of itself."""

    def __init__(self, status: int, title: str, words: str, advice: str) -> None:
        super().__init__(words)
        self.status = status
        self.title = title
        self.words = words
        self.advice = advice


_BUSY = PageFault(
    503,
    "Busy",
    "The database does not answer, or too much waits for it. Nothing was changed.",
    "Try again in a few seconds; /health/ready and the server's log say more.",
)


def fault_of(error: Exception) -> PageFault:
    """What to show for an error; one that nobody foresaw becomes a 500, whose details only the log has."""
    if isinstance(error, PageFault):
        return error
    if isinstance(error, NotFound):
        return PageFault(404, "Not found", _sentence(str(error)), "Check the address, or begin with the list of pools.")
    if isinstance(error, Invalid):
        return PageFault(400, "Not understood", _sentence(str(error)), "Go back, mend it, and send it again.")
    if isinstance(error, Conflict):
        return PageFault(409, "Not possible now", _sentence(str(error)), "Nothing was changed.")
    if isinstance(error, StoreUnavailable) or (
        isinstance(error, RequestRejected) and error.code in (ErrorCode.BUSY, ErrorCode.STORE_UNAVAILABLE)
    ):
        return _BUSY
    if isinstance(error, RequestRejected):
        words = _sentence(f"{error.code.value}{': ' + error.detail if error.detail else ''}")
        status = 413 if error.code in (ErrorCode.BODY_TOO_LARGE, ErrorCode.FILE_TOO_LARGE) else 400
        return PageFault(status, "Refused", words, "Nothing was changed. Go back, mend it, and send it again.")
    if isinstance(error, HTTPException):  # of reading a form
        return PageFault(error.status_code, "Not understood", _sentence(str(error.detail)), "Go back and try again.")
    return PageFault(
        500,
        "A fault of the server",
        "Something failed that should not; the log has the details.",
        "Try again; if it stays, report it with the request id below.",
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
