"""Typed parameters: one declaration reads a value from the path, the query or a header, and gives its schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec.structs import replace
from starlette.requests import Request

from fotapool.core.timestamps import parse_timestamp
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.names import ACCOUNT_NAME_PATTERN, is_account_name, is_device_id
from fotapool.services.context import OPERATOR_PAGE

T = TypeVar("T")
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ACCOUNT: Schema = {"type": "string", "pattern": f"^{ACCOUNT_NAME_PATTERN}$", "examples": ["0242078689-00001"]}
IMEI: Schema = {"type": "string", "pattern": "^[0-9]{15}$", "examples": ["990003425730535"]}
MAX_CURSOR = 2**53
MAX_ID_DIGITS = 18


class Parameter(msgspec.Struct, Generic[T], frozen=True):
    """A parameter of an operation. If it is missing and has no default, `get` raises and `find` returns None."""

    name: str
    parse: Callable[[str], T]
    """Raises ValueError with a message that continues the name: "must be 15 digits"; or raises Invalid or NotFound."""
    schema: Schema
    description: str = ""
    location: Literal["query", "path", "header"] = "query"
    default: T | None = None
    is_required: bool = False
    """Whether the operation fails without it. A part of the path is always there."""

    def read(self, request: Request) -> T | None:
        """The value in the request, or the default. Raises Invalid or NotFound."""
        if self.location == "path":
            text = request.path_params.get(self.name)
        else:
            text = (request.query_params if self.location == "query" else request.headers).get(self.name)
        return self.default if text is None else self.check(text)

    def check(self, text: str) -> T:
        """The value of a text. Raises Invalid or NotFound."""
        try:
            return self.parse(text)
        except ValueError as error:
            raise Invalid(f"{self.name} {error}") from error

    def in_path(self) -> Parameter[T]:
        """The parameter as a part of a path."""
        return replace(self, location="path")


def int_parameter(
    name: str, description: str, minimum: int = 0, maximum: int = MAX_CURSOR, default: int | None = None
) -> Parameter[int]:
    """A whole number."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 20 and minimum <= int(text) <= maximum:
            return int(text)
        raise ValueError(f"must be a whole number from {minimum} to {maximum}, not {text[:40]!r}")

    schema: Schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    if default is not None:
        schema["default"] = default
    return Parameter(name, parse, schema, description=description, default=default)


def text_parameter(name: str, description: str = "", default: str | None = None) -> Parameter[str]:
    """A text without NUL characters."""

    def parse(text: str) -> str:
        if "\x00" in text:
            raise ValueError("must not hold a NUL character")
        return text

    return Parameter(
        name, parse, {"type": "string", "pattern": "^[^\\u0000]*$"}, description=description, default=default
    )


def choice_parameter(name: str, description: str, choices: Mapping[str, T]) -> Parameter[T]:
    """One of some texts, each with the value that it stands for."""

    def parse(text: str) -> T:
        if text not in choices:
            *others, last = choices
            raise ValueError(f"must be {', '.join(others)} or {last}")
        return choices[text]

    return Parameter(name, parse, {"type": "string", "enum": list(choices)}, description)


def flag_parameter(name: str, description: str) -> Parameter[bool]:
    """`true` or `false`, the default."""
    flag = choice_parameter(name, description, {"true": True, "false": False})
    return replace(flag, schema={"type": "boolean", "default": False}, default=False)


def time_parameter(name: str, description: str) -> Parameter[int]:
    """A time as RFC 3339, or a date, which is its beginning in UTC; in ms."""

    def parse(text: str) -> int:
        try:
            return parse_timestamp(text)
        except ValueError as error:
            raise ValueError("must be a time as in 2026-12-01T00:00:00Z") from error

    schema = {"type": "string", "format": "date-time", "examples": ["2026-12-01T00:00:00Z"]}
    return Parameter(name, parse, schema, description)


def check_period(since_ms: int | None, until_ms: int | None) -> None:
    """Raises Invalid for a period that ends before it begins."""
    if since_ms is not None and until_ms is not None and since_ms > until_ms:
        raise Invalid("the period ends before it begins: since must not be after until")


def if_match_parameter(description: str) -> Parameter[tuple[str, ...] | None]:
    """The opaque tags of the header `If-Match` (RFC 9110); None for `*`. A weak tag matches nothing."""
    tag = r'(W/)?"([^"]*)"'
    form = rf"\*|{tag}(\s*,\s*{tag})*"

    def parse(text: str) -> tuple[str, ...] | None:
        if re.fullmatch(form, text.strip(), re.ASCII) is None:
            raise ValueError(f'must be an entity tag in quotation marks as in "1a2b", not {text[:40]!r}')
        found = re.findall(tag, text)
        return tuple(opaque for weak, opaque in found if not weak) if found else None

    schema = {"type": "string", "pattern": r'^(\*|(W/)?"[^"]*"(,\s*(W/)?"[^"]*")*)$'}
    return Parameter("If-Match", parse, schema, description, location="header")


def account_parameter(name: str, description: str = "") -> Parameter[str]:
    """The name of an account, which may not exist."""

    def parse(text: str) -> str:
        if not is_account_name(text):
            raise ValueError("must be the name of an account, as 0242078689-00001")
        return text

    return Parameter(name, parse, ACCOUNT, description)


def device_parameter(name: str, description: str = "", default: int | None = None) -> Parameter[int]:
    """An IMEI."""

    def parse(text: str) -> int:
        if not is_device_id(text):
            raise ValueError("must be 15 digits")
        return int(text)

    return Parameter(name, parse, IMEI, description=description, default=default)


def id_in_path(name: str, singular: str) -> Parameter[int]:
    """A number in the path that identifies a thing; `singular` names it, for the error."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS:
            return int(text)
        raise NotFound(f"{singular} {text[:40]} does not exist")

    schema = {"type": "string", "pattern": f"^[0-9]{{1,{MAX_ID_DIGITS}}}$", "examples": ["1"]}
    return Parameter(name, parse, schema, location="path")


LIMIT = int_parameter(
    "limit", "rows of a page, 1 to 1000; 100 by default", minimum=1, maximum=OPERATOR_PAGE, default=100
)
AFTER_NAME = text_parameter("after", "the last name of the page before", default="")
AFTER_NUMBER = int_parameter("after", "the last number of the page before", default=0)
NEWEST = flag_parameter(
    "newest", "true lists the newest first; then, too, `after` is the last number of the page before"
)
PAGE_BY_NAME = (AFTER_NAME, LIMIT)
PAGE_BY_NUMBER = (AFTER_NUMBER, LIMIT)
