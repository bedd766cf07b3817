"""Hints at names that an operation does not take, and at a body that could not be decoded. Pure.

The latter follow from the decoder's message and its path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import msgspec

from fotapool.domain.errors import ErrorCode
from fotapool.web.known_names import UnknownName

FORM = "application/x-www-form-urlencoded"
MISPRINT = "`devceList` is a misprint in the vendor's documentation: send `deviceList`."
_PLAIN = re.compile(r"[\w.-]{1,30}")
"""A name that may be repeated: shorter than a token, which may be where a name belongs."""
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
_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_AT = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `([^`]*)`, got `(\w+)`")
_OUT_OF_RANGE = re.compile(r"Expected `(\w+)` ([<>]=? -?\d+)")
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")


def body_hints(
    cause: BaseException | None,
    detail: str,
    body: str,
    truncated: bool,
    content_type: str,
    unknown: Sequence[UnknownName],
) -> Iterator[str]:
    """`cause`: the decoder's error; `detail`: ours. `unknown`: the names that the operation does not take.

    Never repeats a value.
    """
    if detail:
        yield f"{detail[:1].upper()}{detail[1:]}."
    elif isinstance(cause, msgspec.ValidationError):
        yield from _wrong_member(str(cause), unknown)
    elif not body.strip():
        yield "The body is empty: send a JSON object."
    elif cause is not None and not body.lstrip().startswith(("{", "[")) and _is_form(body, content_type):
        kind = "multipart/form-data" if body.lstrip().startswith("--") else "a form"
        yield f"The body is {kind}: send JSON, as application/json."
    elif cause is not None and (encoding := _other_encoding(body)):
        yield f"{encoding}."
    elif isinstance(cause, msgspec.DecodeError):
        yield _not_json(body, truncated, str(cause))
    elif isinstance(cause, UnicodeError):
        yield "The body is not UTF-8."
    elif isinstance(cause, RecursionError):
        yield "The body is nested too deeply."


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


def _is_form(body: str, content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind in (FORM, "multipart/form-data") or re.match(r"[\w.%\[\]-]+=", body) is not None


def _other_encoding(body: str) -> str:
    """What is wrong with the bytes of a body, if they are not those of UTF-8 text; else ""."""
    if body.startswith("\x1f\N{REPLACEMENT CHARACTER}"):
        return "The body is compressed with gzip: send `Content-Encoding: gzip` with it"
    if body.startswith("\N{REPLACEMENT CHARACTER}" * 2) or "\0" in body[:2]:
        return "The body is UTF-16: send UTF-8"
    if body.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        return "The body begins with a byte order mark: send UTF-8 without it"
    return ""


def _wrong_member(message: str, unknown: Sequence[UnknownName]) -> Iterator[str]:
    """The hint for a message of the decoder, as "Expected `str`, got `int` - at `$.startDate`"."""
    match = _AT.fullmatch(message)
    what, path = (match[1], match[2] or "") if match else (message, "")
    member = f"`{path.lstrip('.')}`" if path else "the body"
    if missing := _MISSING.fullmatch(what):
        where = f" in {member}" if path else ""
        yield from name_hints([one for one in unknown if one.nearest == missing[1]])
        yield f"The member `{missing[1]}` is missing{where}."
    elif wrong := _WRONG_TYPE.fullmatch(what):
        wanted = " or ".join(_TYPES.get(one, one) for one in wrong[1].split(" | "))
        yield f"{member[:1].upper()}{member[1:]} must be {wanted}, not {_TYPES.get(wrong[2], wrong[2])}."
    elif out := _OUT_OF_RANGE.fullmatch(what):
        yield f"{member[:1].upper()}{member[1:]} must be {_TYPES.get(out[1], out[1])} {out[2]}."
    elif path:
        yield f"{member} has a value that the operation does not take."


def _not_json(body: str, truncated: bool, message: str) -> str:
    """Names the JSON error and its position, of a truncated body as the decoder does."""
    if not truncated:
        try:
            json.loads(body)
        except json.JSONDecodeError as error:
            is_python = re.match(r"\s*\{\s*'", body)
            python = "; it looks like a Python dictionary printed as text" if is_python else ""
            what = error.msg.removesuffix(" at")
            return f"The body is no JSON: {what} at line {error.lineno}, column {error.colno}{python}."
        except (ValueError, RecursionError):
            pass
        else:
            if _LONE_SURROGATE.search(body):
                return "The body has half of a surrogate pair: an escape from \\ud800 to \\udfff stands alone."
    return f"The body is no JSON: {message}."
