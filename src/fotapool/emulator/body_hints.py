"""Hints at a body that could not be decoded, from the decoder's message and its path. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator

import msgspec

FORM = "application/x-www-form-urlencoded"
SIMILAR = 0.75
"""From which ratio on (0 to 1) a member's name counts as similar."""
MAX_MEMBERS = 100
"""How many names are compared."""
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
_MISSING = re.compile(r"Object missing required field `([^`]*)`")


def body_hints(
    cause: BaseException | None, body: str, truncated: bool, content_type: str, members: Collection[str]
) -> Iterator[str]:
    """`cause` is the decoder's error, `members` are the names in the body's object. Never repeats a value."""
    if isinstance(cause, msgspec.ValidationError):
        yield from _wrong_member(str(cause), members)
    elif not body.strip():
        yield "The body is empty: send a JSON object."
    elif cause is not None and not body.lstrip().startswith(("{", "[")) and _is_form(body, content_type):
        yield "The body is a form: send JSON, as application/json."
    elif isinstance(cause, msgspec.DecodeError):
        yield _not_json(body, truncated, str(cause))
    elif isinstance(cause, UnicodeError):
        yield "The body is not UTF-8."
    elif isinstance(cause, RecursionError):
        yield "The body is nested too deeply."


def near_member(wanted: str, members: Collection[str]) -> Iterator[str]:
    """A hint if a member's name is nearly `wanted`."""
    for name in difflib.get_close_matches(wanted, list(members)[:MAX_MEMBERS], 1, SIMILAR):
        yield f"`{name}` is not known here: send `{wanted}`."


def _is_form(body: str, content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == FORM or re.match(r"[\w.]+=", body) is not None


def _wrong_member(message: str, members: Collection[str]) -> Iterator[str]:
    """From a message as "Expected `str`, got `int` - at `$.startDate`"."""
    match = _AT.fullmatch(message)
    what, path = (match[1], match[2] or "") if match else (message, "")
    member = f"`{path.lstrip('.')}`" if path else "the body"
    if missing := _MISSING.fullmatch(what):
        where = f" in {member}" if path else ""
        yield from [] if path else near_member(missing[1], members)
        yield f"The member `{missing[1]}` is missing{where}."
    elif wrong := _WRONG_TYPE.fullmatch(what):
        wanted = " or ".join(_TYPES.get(one, one) for one in wrong[1].split(" | "))
        yield f"{member[:1].upper()}{member[1:]} must be {wanted}, not {_TYPES.get(wrong[2], wrong[2])}."
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
            return f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}{python}."
        except (ValueError, RecursionError):
            pass
    return f"The body is no JSON: {message}."
