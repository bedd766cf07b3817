"""Hints at what was wrong in a request, each with what to send instead. Pure functions of the exchange."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from fotapool.core.timestamps import MINUTE_MS
from fotapool.domain.identity import BEARER_LIFETIME_MS, MAX_FAILED_LOGINS, SESSION_IDLE_MS
from fotapool.domain.names import IMEI_DIGITS, is_account_name, is_device_id
from fotapool.domain.packages import PILOT_DEVICES, PILOT_RESULTS_NEEDED
from fotapool.emulator.paths import Template, suggest

MAX_HINTS = 10
MAX_IDS_LOOKED_AT = 100
"""Of how many devices in a body the form is looked at."""
REFUSED_FROM = 400
TOKEN_PATH, LOGIN_PATH = "/api/ts/v1/oauth2/token", "/api/m2m/v1/session/login"

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ACCOUNT = re.compile(r"(\d{1,20})-(\d{1,20})")
_OTHER_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}/\d{1,2}/\d{1,2}")
_BY_ACCOUNT = re.compile(r"/api/fota/v\d+/")
_CURSOR = re.compile(r"/api/fota/v\d/(?:firmware/)?(?:licenses|devices)/[^/]+(?:/index/([^/]+))?")
_CANDIDATES = re.compile(r"/api/fota/v\d/licenses/[^/]+/cancel(?:/index/([^/]+))?")
CURSOR_FIELDS = ("startIndex", "lastSeenDeviceId")


@dataclass
class RequestContext:
    """An exchange as the hints look at it: headers by lower-case name; `status` 0 if there was no answer."""

    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    body: str
    body_truncated: bool
    status: int
    answer: str
    auth: str
    """The answer's X-Fotapool-Auth: which token failed, and why."""
    templates: Sequence[Template] = ()
    known_accounts: list[str] = field(default_factory=list)
    """Those of account_candidates() that exist."""

    @property
    def is_refused(self) -> bool:
        return self.status >= REFUSED_FROM

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
    def document(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def members(self) -> dict[str, Any]:
        return self.document if isinstance(self.document, dict) else {}

    @cached_property
    def device_ids(self) -> list[Any]:
        """What the body's lists name as devices, the first ones."""
        lists = [value[:MAX_IDS_LOOKED_AT] for value in self.members.values() if isinstance(value, list)]
        found = [
            one.get("deviceId", one.get("id")) if isinstance(one, dict) else one for items in lists for one in items
        ]
        return [one for one in found if isinstance(one, str | int) and not isinstance(one, bool)]


def find_hints(asked: RequestContext) -> list[str]:
    """What was wrong, the most likely reason first."""
    found = dict.fromkeys(hint for look in HINT_RULES for hint in look(asked))
    return list(found)[:MAX_HINTS]


def account_candidates(asked: RequestContext) -> list[str]:
    """Names that the account of a refused request may have been meant to be: with all of its zeros."""
    given = re.search(r"(?:Could not find account |Invalid account name format)([^\s)\"]*)", asked.answer)
    if not given:
        return []
    names = [given[1], *asked.plain_path.split("/"), *(v for v in asked.members.values() if isinstance(v, str))]
    found: dict[str, None] = {}
    for name in names:
        parts = _ACCOUNT.fullmatch(name)
        if parts:
            left, right = parts[1].lstrip("0"), parts[2].lstrip("0")
            found[f"{left:>010}-{right:>05}"] = None
    return [full for full in found if full not in names]


def _tokens(asked: RequestContext) -> Iterator[str]:
    """Which of the two tokens failed, and what to do."""
    auth = asked.auth
    authorization = asked.headers.get("authorization", "")
    scheme, _, bearer = authorization.partition(" ")
    session = asked.headers.get("vz-m2m-token", "").strip()
    basic = asked.plain_path.startswith("/api/ts/")
    if "no Authorization: Basic" in auth:
        yield "Send the client's key and secret as Authorization: Basic base64(KEY:SECRET)."
    elif auth.startswith("bearer token missing") and authorization and scheme.lower() != "bearer":
        yield (
            f"Authorization must begin with the word Bearer, not {scheme[:20]}: the key and secret are only for"
            f" {TOKEN_PATH}, whose access_token goes here."
        )
    elif auth.startswith("bearer token missing"):
        yield f"The bearer token is missing: send Authorization: Bearer and the access_token of POST {TOKEN_PATH}."
    elif auth.startswith("bearer token not known") and not basic:
        yield _bearer_hint(auth, bearer.strip(), session)
    elif auth.startswith("session token missing"):
        yield f"The session token is missing: send VZ-M2M-Token with the sessionToken of POST {LOGIN_PATH}."
    elif auth.startswith("session token not known"):
        yield _session_hint(bearer.strip(), session)
    elif auth.startswith("session idle"):
        yield (
            f"The session token has expired: {SESSION_IDLE_MS // MINUTE_MS} minutes without a request end it. Log in"
            f" again at {LOGIN_PATH}; the bearer token is still good."
        )
    elif auth.startswith("user name"):
        yield (
            f"User name or password is wrong, or {MAX_FAILED_LOGINS} failed logins have locked the user (the"
            " operator unlocks with POST /control/v1/users/NAME/unlock)."
        )


def _bearer_hint(auth: str, bearer: str, session: str) -> str:
    if "(expired)" in auth:
        return (
            f"The bearer token has expired: it lives {BEARER_LIFETIME_MS // MINUTE_MS} minutes from its first issue."
            f" Get another at {TOKEN_PATH}; the session token may still be good."
        )
    if "(revoked)" in auth:
        return f"The bearer token was revoked: get another at {TOKEN_PATH}."
    if bearer and bearer == session:
        return "Authorization and VZ-M2M-Token hold the same token; the one is an access_token, the other a session's."
    if _GUID.fullmatch(bearer):
        return "Authorization holds a GUID, which looks like the session token: that one goes into VZ-M2M-Token."
    return f"The bearer token is not one of this server (was it reset or restarted?): get one at {TOKEN_PATH}."


def _session_hint(bearer: str, session: str) -> str:
    if session == bearer:
        return "VZ-M2M-Token holds the bearer token: send the sessionToken of the login there."
    if session and not _GUID.fullmatch(session):
        return f"VZ-M2M-Token is no GUID: send the sessionToken of POST {LOGIN_PATH}."
    return f"The session token is not one of this server, or has ended: log in again at {LOGIN_PATH}."


def _unknown_path(asked: RequestContext) -> Iterator[str]:
    unknown = asked.status == 404 or (asked.status == 400 and '"900906"' in asked.answer)
    hint = suggest(asked.method, asked.plain_path, asked.templates) if unknown else None
    if hint:
        yield hint


def _account(asked: RequestContext) -> Iterator[str]:
    if "Could not find account" in asked.answer or "Invalid account name format" in asked.answer:
        for name in asked.known_accounts:
            yield f"The account's zeros are part of its name: there is an account {name}; send that."
        named = asked.plain_path.split("/")
        if not asked.known_accounts and "Could not find" in asked.answer:
            yield "The account does not exist, or the session's user is not one of its users."
        if "Invalid account name" in asked.answer and not any(is_account_name(one) for one in named[4:]):
            yield "An account's name has letters, digits, '-', '_' and '.', as in 0242078689-00001."
    if "Inactive account" in asked.answer:
        yield "The account is suspended: PUT /control/v1/accounts/NAME/status makes it active."


def _content(asked: RequestContext) -> Iterator[str]:
    """What is not JSON where JSON is to be, or the other way round."""
    if not asked.is_refused or asked.auth:
        return
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if asked.plain_path.startswith("/api/ts/"):
        if asked.members:
            yield "Send a form here, not JSON: grant_type=client_credentials, as application/x-www-form-urlencoded."
        return
    if kind == "application/x-www-form-urlencoded" and asked.document is None:
        yield "The body is a form: send JSON, as application/json."
    elif asked.body.strip() and asked.document is None and not asked.body_truncated and kind != "multipart/form-data":
        yield from _not_json(asked.body)


def _not_json(body: str) -> Iterator[str]:
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        python = "; it looks like a Python dictionary printed as text" if re.match(r"\s*\{\s*'", body) else ""
        yield f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}{python}."
    except (ValueError, RecursionError):
        yield "The body is no JSON."


def _members(asked: RequestContext) -> Iterator[str]:
    members = asked.members
    if "devceList" in members:
        yield "`devceList` is a misprint in the vendor's documentation: send `deviceList`."
    elif asked.is_refused and _BY_ACCOUNT.match(asked.path) and "deviceList" not in members:
        for name in difflib.get_close_matches("deviceList", list(members), 1, 0.75):
            yield f"`{name}` is not known here: send `deviceList`."
    if asked.method == "GET" and asked.headers.get("content-length", "0") != "0":
        yield "A GET has no body: it is not read. Give parameters in the path or the query."


def _device_ids(asked: RequestContext) -> Iterator[str]:
    in_path = re.findall(r"/(?:devices|async)/([^/]+)(?=/|$)", asked.plain_path)
    looked = [*asked.device_ids, *(one for one in in_path if one.isdigit() and len(one) in (14, 16))]
    if any(isinstance(one, int) for one in asked.device_ids):
        yield "Device ids are text, not numbers: put each into quotation marks, with its leading zeros."
    for one in looked:
        text = str(one)
        digits = re.sub(r"[\s-]", "", text)
        if is_device_id(text) or not digits.isascii():
            continue
        if digits.isdigit() and len(digits) == IMEI_DIGITS:
            yield f"{text[:40]} is written with separators: send {digits}."
        elif digits.isdigit() and len(digits) == IMEI_DIGITS - 1:
            full = digits + _check_digit(digits)
            yield f"{text} has 14 digits: an IMEI has 15, the last of them a check digit; send {full}."
        elif digits.isdigit() and len(digits) == IMEI_DIGITS + 1:
            full = digits[:14] + _check_digit(digits[:14])
            yield f"{text} has 16 digits, which is an IMEISV: send the IMEI, {full}."
        elif re.fullmatch(r"[0-9a-fA-F]{14}", digits):
            yield f"{text} looks like an MEID: devices are named by their IMEI here."


def _check_digit(digits: str) -> str:
    from stdnum import luhn

    return str(luhn.calc_check_digit(digits))


def _cursors(asked: RequestContext) -> Iterator[str]:
    if not asked.is_refused:
        return
    given = [value for name in CURSOR_FIELDS for value in asked.query.get(name, [])]
    candidates = _CANDIDATES.fullmatch(asked.plain_path)
    cursor = _CURSOR.fullmatch(asked.plain_path)
    if candidates and any(is_device_id(one) for one in [candidates[1] or "", *given]):
        yield "In the candidate list, startIndex is the number of the first record (0, 1000, …), not an IMEI."
    elif cursor and not candidates:
        for one in [cursor[1] or "", *given]:
            if re.fullmatch(r"\d{1,14}", one) and int(one):
                yield (
                    f"{one[:40]} is taken for an IMEI: startIndex is not an offset here. Begin with 0 and go on with"
                    " the lastSeenDeviceId of each answer."
                )
            elif is_device_id(one) and "LastSeenDeviceId Not Valid" in asked.answer:
                yield f"{one} is no device of this account: go on with the lastSeenDeviceId of the last answer."


def _campaigns(asked: RequestContext) -> Iterator[str]:
    for name, value in asked.members.items():
        if "date" in name.lower() and isinstance(value, str) and _OTHER_DATE.fullmatch(value.strip()):
            yield f"`{name}` is a date as in 2026-12-01, year first: not {value[:40]}."
    if "Pilot campaign exceeds" in asked.answer:
        yield (
            f"Until a package has proven itself (on {PILOT_RESULTS_NEEDED} devices, at least half of them upgraded),"
            f" a campaign"
            f" with it has {PILOT_DEVICES} devices at most. Run such a pilot first, or have the operator mark the"
            " package as proven."
        )
    if "Invalid start date" in asked.answer or "invalid state date" in asked.answer:
        yield "The start date is today or later by the server's clock (GET /control/v1/clock), as in 2026-12-01."


HINT_RULES: tuple[Callable[[RequestContext], Iterator[str]], ...] = (
    _tokens,
    _unknown_path,
    _account,
    _members,
    _content,
    _device_ids,
    _cursors,
    _campaigns,
)
