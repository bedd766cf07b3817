"""Hints at members and query parameters that an operation does not take. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fotapool.domain.errors import ErrorCode
from fotapool.web.known_names import UnknownName

MISPRINT = "`devceList` is a misprint in the vendor's documentation: send `deviceList`."
_PLAIN = re.compile(r"[\w.-]{1,40}")
_READ_FROM: dict[ErrorCode, tuple[str, ...]] = {
    ErrorCode.TYPE_INVALID: ("type", "Type"),
    ErrorCode.DEVICE_LIST_EMPTY: ("deviceList", "deviceIds", "addOrRemoveDevice"),
    ErrorCode.PACKAGE_UNKNOWN: ("firmwareName", "softwareName"),
    ErrorCode.FILE_UNKNOWN: ("fileName", "fileVersion"),
    ErrorCode.START_DATE_INVALID: ("startDate",),
    ErrorCode.END_DATE_INVALID: ("endDate",),
    ErrorCode.WINDOW_INVALID: ("startTime", "endTime"),
    ErrorCode.STATUS_INVALID: ("campaignStatus",),
    ErrorCode.ACCOUNT_NAME_INVALID: ("accountName",),
    ErrorCode.URL_INVALID: ("url", "callback"),
    ErrorCode.SERVICE_INVALID: ("name",),
    ErrorCode.PROTOCOL_INVALID: ("distributionType",),
}
"""The names from which each value is read that an error code is about."""


def name_hints(unknown: Sequence[UnknownName]) -> Iterator[str]:
    """A hint at each name; a name that is no plain word is not repeated."""
    for one in unknown:
        kind = "member of the body" if one.in_body else "query parameter"
        if one.name == "devceList" and one.in_body:
            continue  # MISPRINT
        if not _PLAIN.fullmatch(one.name):
            yield f"A {kind} is not known here: leave it out."
        elif one.nearest:
            yield f"`{one.name}` is not known here: send `{one.nearest}`."
        else:
            yield f"`{one.name}` is not known here as a {kind}: leave it out."


def reasons_in_names(code: ErrorCode, unknown: Sequence[UnknownName]) -> Iterator[str]:
    """The hints at names that explain the error: the right one was not sent."""
    wanted = _READ_FROM.get(code, ())
    return name_hints([one for one in unknown if one.nearest in wanted])
