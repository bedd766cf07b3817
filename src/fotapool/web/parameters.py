"""Typed parameters: one declaration reads a value from the path, the query or a header, and gives its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from starlette.requests import Request

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


@dataclass(frozen=True)
class Parameter(Generic[T]):
    """A parameter of an operation. Without a default, `Call.get` requires it and `Call.find` returns None."""

    name: str
    description: str = ""
    location: Literal["query", "path", "header"] = field(default="query", kw_only=True)
    default: T | None = field(default=None, kw_only=True)

    def parse(self, text: str) -> T:
        """The value. Raises Invalid or NotFound if `text` is not one."""
        raise NotImplementedError

    @property
    def schema(self) -> Schema:
        """The JSON schema of the value."""
        return TEXT

    def read(self, request: Request) -> T | None:
        """The value in the request, or the default. Raises as `parse` does."""
        if self.location == "path":
            text = request.path_params.get(self.name)
        else:
            values = request.query_params if self.location == "query" else request.headers
            text = values.get(self.name)
        return self.default if text is None else self.parse(text)


@dataclass(frozen=True)
class IntParameter(Parameter[int]):
    """A whole number."""

    minimum: int = field(default=0, kw_only=True)
    maximum: int = field(default=MAX_CURSOR, kw_only=True)

    def parse(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 20 and self.minimum <= int(text) <= self.maximum:
            return int(text)
        raise Invalid(f"{self.name} must be a whole number from {self.minimum} to {self.maximum}, not {text[:40]!r}")

    @property
    def schema(self) -> Schema:
        schema: Schema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        in_range = self.default is not None and self.minimum <= self.default <= self.maximum
        return schema | {"default": self.default} if in_range else schema


@dataclass(frozen=True)
class TextParameter(Parameter[str]):
    """A text without NUL characters."""

    def parse(self, text: str) -> str:
        if "\x00" in text:
            raise Invalid(f"{self.name} must not hold a NUL character")
        return text

    @property
    def schema(self) -> Schema:
        return TEXT if self.location == "header" else {"type": "string", "pattern": "^[^\\u0000]*$"}


@dataclass(frozen=True)
class ChoiceParameter(Parameter[T]):
    """One of some texts, each with the value that it stands for."""

    choices: Mapping[str, T] = field(default_factory=dict, kw_only=True)

    def parse(self, text: str) -> T:
        if text not in self.choices:
            raise Invalid(f"{self.name} must be one of {', '.join(self.choices)}")
        return self.choices[text]

    @property
    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.choices)}


@dataclass(frozen=True)
class BoolParameter(Parameter[bool]):
    """`true` or `false`."""

    def parse(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise Invalid(f"{self.name} must be true or false")
        return text == "true"

    @property
    def schema(self) -> Schema:
        return {"type": "boolean", "default": self.default}


@dataclass(frozen=True)
class AccountParameter(Parameter[str]):
    """The name of an account, which may not exist."""

    def parse(self, text: str) -> str:
        if not is_account_name(text):
            raise Invalid(f"{self.name} must be the name of an account, as 0242078689-00001")
        return text

    @property
    def schema(self) -> Schema:
        return ACCOUNT


@dataclass(frozen=True)
class DeviceIdParameter(Parameter[int]):
    """An IMEI."""

    def parse(self, text: str) -> int:
        if not is_device_id(text):
            raise Invalid(f"{self.name} must be 15 digits")
        return int(text)

    @property
    def schema(self) -> Schema:
        return IMEI


@dataclass(frozen=True)
class IdParameter(Parameter[int]):
    """A number in the path that names a thing; `noun` says what, for the error."""

    noun: str = field(default="", kw_only=True)
    location: Literal["query", "path", "header"] = field(default="path", kw_only=True)

    def parse(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS:
            return int(text)
        raise NotFound(f"{self.noun} {text[:40]} does not exist")

    @property
    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^[0-9]{{1,{MAX_ID_DIGITS}}}$", "examples": ["1"]}


LIMIT = IntParameter(
    "limit", "rows of a page, 1 to 1000; 100 by default", minimum=1, maximum=OPERATOR_PAGE, default=100
)
AFTER_NAME = TextParameter("after", "the last name of the page before", default="")
AFTER_NUMBER = IntParameter("after", "the last number of the page before", default=0)
PAGE_BY_NAME = (AFTER_NAME, LIMIT)
PAGE_BY_NUMBER = (AFTER_NUMBER, LIMIT)
