"""Hints at what was wrong in a request, each with what to send instead. Pure functions of request and error code.

A rule states what is certain or yields nothing. Without a rule that fits, the advice on the error code is the hint.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import IMEI_DIGITS, is_device_id
from fotapool.emulator.advice import plain_advice
from fotapool.emulator.body_hints import MISPRINT, body_hints, name_hints, reasons_in_names
from fotapool.emulator.paths import (
    CONNECTIVITY_BASE,
    LOGIN_PATH,
    REVOKE_PATH,
    TOKEN_PATH,
    Template,
    allowed_methods,
    nearest,
    suggest,
)
from fotapool.web.known_names import KnownNames, UnknownName, unknown_names

MAX_HINTS = 10
NO_CLIENTS = (
    "There is no client yet: restart the emulator with --seed demo or --seed FILE, load a seed with PUT"
    " /control/v1/snapshot, or create a client with POST /control/v1/clients."
)
FILE_MEMBERS = ("fileVersion", "make", "model", "localTargetPath", "releaseNote", "devicePlatformId")
OAUTH_BASE = "/api/ts/"

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ACCOUNT = re.compile(r"(\d{1,20})-(\d{1,20})")
_PLACEHOLDER = re.compile(r"\$\w*|\$?\{[^}]*\}|<[^>]*>|%\w*%|:\w+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OTHER_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}/\d{1,2}/\d{1,2}")
_BY_INDEX = re.compile(r"/index/([^/]+)$")
CANDIDATES = "/cancel"
CURSOR_FIELDS = ("startIndex", "lastSeenDeviceId")


@dataclass
class RequestContext:
    """What the rules look at: headers by lower-case name; `status` 0 without a response."""

    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    body: str
    body_truncated: bool
    status: int
    rejection: RequestRejected | None = None
    """Why the API rejected the request; None if it did not, or if no operation was reached."""
    templates: Sequence[Template] = ()
    account: str = ""
    """The one that the request names, if its operation is known."""
    known_names: KnownNames | None = None
    """What the operation takes; None if no operation was reached."""
    known_accounts: list[str] = field(default_factory=list)
    """The accounts of account_candidates() that exist."""
    has_clients: bool = True
    """Whether the server has any client; looked up if is_unknown_client()."""

    @cached_property
    def plain_path(self) -> str:
        return re.sub("/+", "/", self.path.partition("?")[0])

    @cached_property
    def query(self) -> dict[str, list[str]]:
        try:
            return parse_qs(self.path.partition("?")[2], max_num_fields=100)
        except ValueError:
            return {}

    @cached_property
    def members(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @cached_property
    def unknown(self) -> list[UnknownName]:
        """What the operation does not take, if it is known; of a truncated body nothing is known."""
        if self.known_names is None:
            return []
        body = b"" if self.body_truncated else self.body.encode("utf-8", "replace")
        return unknown_names(self.known_names, self.path.partition("?")[2], body)

    @property
    def bearer(self) -> str:
        """What follows the scheme in Authorization."""
        return self.headers.get("authorization", "").partition(" ")[2].strip()

    @property
    def session(self) -> str:
        return self.headers.get("vz-m2m-token", "").strip()

    @property
    def cursors(self) -> list[str]:
        """Where the request wants a list to continue."""
        in_path = _BY_INDEX.findall(self.plain_path)
        return in_path + [value for name in CURSOR_FIELDS for value in self.query.get(name, [])]


def find_hints(context: RequestContext) -> list[str]:
    """Returns at most MAX_HINTS hints, the most likely reason first."""
    rejected = context.rejection
    found = [MISPRINT] if "devceList" in context.members else []
    if rejected is not None:
        found += reasons_in_names(rejected.code, context.unknown)
        rule = HINT_RULES.get(rejected.code)
        found += rule(context, rejected) if rule else ()
        found = found or [_advice(context, rejected.code)]
    elif context.status >= 400:
        found += _oauth(context) if context.plain_path.startswith(OAUTH_BASE) else ()
        found += _unknown_path(context)
    found += name_hints(context.unknown)
    if context.method == "GET" and context.headers.get("content-length", "0") != "0":
        found.append("A GET has no body: it is not read. Give parameters in the path or the query.")
    return list(dict.fromkeys(found))[:MAX_HINTS]


def is_unknown_client(context: RequestContext) -> bool:
    """Whether the request was answered `invalid_client`."""
    return context.status == 401 and context.plain_path.startswith(OAUTH_BASE)


def _advice(context: RequestContext, code: ErrorCode) -> str:
    """The advice on the code, with the account and the user that the request names."""
    names = {"name": context.account, "username": context.members.get("username")}
    return plain_advice(code, context.plain_path.startswith(CONNECTIVITY_BASE), names)


def account_candidates(context: RequestContext) -> list[str]:
    """Returns the names, with all zeros, that the account of a rejected request may have been meant to be."""
    rejected = context.rejection
    if rejected is None or rejected.code not in (ErrorCode.ACCOUNT_NOT_FOUND, ErrorCode.ACCOUNT_NAME_INVALID):
        return []
    names = [rejected.detail, *context.plain_path.split("/")]
    names += [value for value in context.members.values() if isinstance(value, str)]
    matches = filter(None, map(_ACCOUNT.fullmatch, names))
    found = [f"{match[1].lstrip('0'):>010}-{match[2].lstrip('0'):>05}" for match in matches]
    return [name for name in dict.fromkeys(found) if name not in names]


# --- without an operation --------------------------------------------------------------------------------------------


def _unknown_path(context: RequestContext) -> Iterator[str]:
    methods = allowed_methods(context.plain_path, context.templates)
    if context.status == 405 and methods:
        same_method = [one for one in context.templates if one[0] == context.method]
        near = nearest(context.method, context.plain_path, same_method)
        rest = f" The nearest that does is {near}." if near else ""
        yield f"{context.plain_path} takes {_listed(methods)}, not {context.method}.{rest}"
    elif context.status in (400, 404) and not methods and context.plain_path.startswith(OAUTH_BASE):
        yield "This path of /api/ts is not emulated here."
    elif context.status in (400, 404) and not methods:
        hint = suggest(context.method, context.plain_path, context.templates)
        if hint:
            yield hint


def _listed(methods: list[str]) -> str:
    *others, last = methods
    return f"{', '.join(others)} and {last}" if others else last


def _oauth(context: RequestContext) -> Iterator[str]:
    """Token and revocation requests, which are rejected with OAuth's own error codes."""
    if is_unknown_client(context):
        if _is_basic(context.headers.get("authorization", "")):
            yield (
                NO_CLIENTS
                if not context.has_clients
                else (
                    "The client's key or secret is wrong. Clients come from the seed (--seed) or from POST"
                    " /control/v1/clients."
                )
            )
        else:
            yield "Send the client's key and secret as Authorization: Basic base64(KEY:SECRET)."
    elif context.status == 400 and context.members:
        field = "token=ACCESS_TOKEN" if context.plain_path == REVOKE_PATH else "grant_type=client_credentials"
        yield f"Send a form here, not JSON: {field}, as application/x-www-form-urlencoded."
    elif context.status == 400 and context.plain_path == TOKEN_PATH:
        yield "Send the form grant_type=client_credentials, the only grant type."
    elif context.status == 400 and context.plain_path == REVOKE_PATH:
        yield "Send the token to revoke as a form: token=ACCESS_TOKEN."


def _is_basic(header: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        return scheme.lower() == "basic" and b":" in base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return False


# --- by error code ---------------------------------------------------------------------------------------------------


def _bearer_missing(context: RequestContext, _: RequestRejected) -> Iterator[str]:
    scheme = context.headers.get("authorization", "").partition(" ")[0]
    if scheme.lower() == "basic":
        yield (
            "Authorization must begin with the word Bearer, not Basic: the key and secret are only for"
            f" {TOKEN_PATH}, whose access_token goes here."
        )
    elif scheme and scheme.lower() != "bearer":
        yield "Authorization must begin with the word Bearer, then a space and the access_token."


def _bearer_invalid(context: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    bearer = context.bearer
    if rejected.detail == "expired":
        yield f"The bearer token has expired, 60 minutes after its first issue: get another from POST {TOKEN_PATH}."
    elif rejected.detail == "revoked":
        yield f"The bearer token was revoked: get another from POST {TOKEN_PATH}."
    elif bearer.lower().startswith("bearer "):
        yield "Authorization has the word Bearer twice: send it once, then the access_token."
    elif bearer and bearer == context.session:
        yield "Authorization and VZ-M2M-Token hold the same token; the one is an access_token, the other a session's."
    elif _GUID.fullmatch(bearer):
        yield "Authorization holds a GUID, which looks like the session token: that one goes into VZ-M2M-Token."


def _session_invalid(context: RequestContext, _: RequestRejected) -> Iterator[str]:
    if context.session == context.bearer:
        yield "VZ-M2M-Token holds the bearer token: send the sessionToken of the login there."
    elif context.session.lower().startswith("bearer "):
        yield "VZ-M2M-Token holds the sessionToken alone, without the word Bearer."
    elif not _GUID.fullmatch(context.session):
        yield f"VZ-M2M-Token is no GUID: send the sessionToken of POST {LOGIN_PATH}."


def _account(context: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    if not rejected.detail and rejected.code is ErrorCode.ACCOUNT_NAME_INVALID:
        yield "The body names no account: send its name as `accountName`."
    for name in context.known_accounts:
        yield f"The account's zeros are part of its name: there is an account {name}; send that."
    if _PLACEHOLDER.fullmatch(rejected.detail):
        yield "The account's name is a placeholder that was not filled in: send a name as in 0242078689-00001."


def _body_invalid(context: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    return body_hints(
        cause=rejected.__cause__,
        detail=rejected.detail,
        body=context.body,
        truncated=context.body_truncated,
        content_type=context.headers.get("content-type", ""),
        unknown=context.unknown,
    )


def _device_ids(_: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    for text in rejected.offenders:
        digits = re.sub(r"[\s-]", "", text)
        if is_device_id(text):
            yield "Device ids are text, not numbers: put each into quotation marks, with its leading zeros."
        elif text.startswith("{"):
            yield "A device is named by its IMEI as text, not by an object."
        elif not digits.isascii():
            continue
        elif digits.isdigit() and len(digits) == IMEI_DIGITS:
            yield f"`{text[:40]}` is written with separators: send {digits}."
        elif digits.isdigit() and len(digits) == IMEI_DIGITS - 1:
            full = digits + _check_digit(digits)
            yield f"{text[:40]} has 14 digits: an IMEI has 15, the last of them a check digit; send {full}."
        elif digits.isdigit() and len(digits) == IMEI_DIGITS + 1:
            full = digits[:14] + _check_digit(digits[:14])
            yield f"{text[:40]} has 16 digits, which is an IMEISV: send the IMEI, {full}."
        elif re.fullmatch(r"[0-9a-fA-F]{14}", digits):
            yield f"{text[:40]} looks like an MEID: devices are named by their IMEI here."


def _check_digit(digits: str) -> str:
    from stdnum import luhn

    return str(luhn.calc_check_digit(digits))


def _dates(context: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    """Dates of another form; else, for a start date of the right form, what the server compares it with."""
    misformed = False
    for name, value in context.members.items():
        if "date" in name.lower() and isinstance(value, str) and not _DATE.fullmatch(value):
            misformed = True
            if _OTHER_DATE.fullmatch(value.strip()):
                yield f"`{name}` is a date as in 2026-12-01, year first: not {value[:40]}."
            elif _DATE.match(value):
                yield f"`{name}` is a date without a time: send {value[:10]}."
        elif "date" in name.lower() and isinstance(value, str) and not _is_day(value):
            misformed = True
            yield f"`{name}` {value} is no day of the calendar."
    start, end = context.members.get("startDate"), context.members.get("endDate")
    if misformed:
        return
    if rejected.code is ErrorCode.START_DATE_INVALID and isinstance(start, str):
        yield (
            "The start date is today or later by the server's clock (GET /control/v1/clock), at most five years"
            " ahead, as in 2026-12-01."
        )
    elif isinstance(start, str) and isinstance(end, str) and end < start:
        yield f"`endDate` {end} is before `startDate` {start}."


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _file_invalid(_: RequestContext, rejected: RequestRejected) -> Iterator[str]:
    detail = rejected.detail
    detail = detail if detail.startswith(FILE_MEMBERS) else detail[:1].upper() + detail[1:]
    yield f"{detail}. {plain_advice(rejected.code, False, {})}"


def _cursor(context: RequestContext, _: RequestRejected) -> Iterator[str]:
    for cursor in context.cursors:
        if re.fullmatch(r"\d{1,14}", cursor) and int(cursor):
            yield (
                f"{cursor} is taken for an IMEI: the list does not take an offset here. Begin with 0, then use"
                " the lastSeenDeviceId of each answer."
            )
        elif is_device_id(cursor):
            yield f"{cursor} is no device of this account: use the lastSeenDeviceId of the last answer."


def _index_too_high(context: RequestContext, _: RequestRejected) -> Iterator[str]:
    if any(is_device_id(cursor) for cursor in context.cursors):
        place = "In the candidate list, startIndex" if CANDIDATES in context.plain_path else "Here the index"
        yield f"{place} is the number of the first record (0, then 1000), not an IMEI."


HINT_RULES: dict[ErrorCode, Callable[[RequestContext, RequestRejected], Iterator[str]]] = {
    ErrorCode.BEARER_MISSING: _bearer_missing,
    ErrorCode.BEARER_INVALID: _bearer_invalid,
    ErrorCode.SESSION_INVALID: _session_invalid,
    ErrorCode.ACCOUNT_NAME_INVALID: _account,
    ErrorCode.ACCOUNT_NOT_FOUND: _account,
    ErrorCode.MEMBER_UNKNOWN: lambda context, _: name_hints(context.unknown),
    ErrorCode.BODY_INVALID: _body_invalid,
    ErrorCode.DEVICE_ID_INVALID: _device_ids,
    ErrorCode.START_DATE_INVALID: _dates,
    ErrorCode.END_DATE_INVALID: _dates,
    ErrorCode.WINDOW_INVALID: _dates,
    ErrorCode.FILE_INVALID: _file_invalid,
    ErrorCode.CURSOR_UNKNOWN: _cursor,
    ErrorCode.INDEX_TOO_HIGH: _index_too_high,
}
"""Codes without a rule get the advice on the code."""
