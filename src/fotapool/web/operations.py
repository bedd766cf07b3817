"""Rows of the tables of operations and pages, and the request that a handler is called with.

A row of an API is the only place that names an operation. Its name and summary are those of its handler: the function's
name and the first line of its docstring. Body and answer are typed by the handler's annotations:
`async def create_account(call, given: NewAccount) -> AccountView`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fotapool.domain.errors import Invalid
from fotapool.domain.identity.roles import Role
from fotapool.services.context import Context
from fotapool.web.http import read_body
from fotapool.web.parameters import LIMIT, Parameter

T = TypeVar("T")
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a path, its handler, and the role that it needs."""

    method: str
    path: str
    """Below the base of the API or the console; parameters as `{name}`."""
    handle: Handler
    role: Role | None = field(default=None, kw_only=True)
    """Default: viewer for GET, editor for all other methods."""

    @property
    def needed_role(self) -> Role:
        return self.role or (Role.VIEWER if self.method == "GET" else Role.EDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Row):
    """An operation of a JSON API."""

    parameters: Sequence[Parameter[Any]] = ()
    """Of the query and headers; of the path those that the API does not declare for all of its paths."""
    status: int | None = None
    """Of the answer. Default: 204 if the handler returns None, else 200."""
    max_body_bytes: int | None = None
    """Default: the limit of the API."""
    reads: Any = None
    """Type of a body that the handler reads by itself; None if the handler's annotation has it."""
    answers: Any = None
    """Type of the answer of a handler that returns a Response; None if the handler's annotation has it."""
    consumes: Mapping[str, Any] = field(default_factory=dict)
    """Media types of the body with their OpenAPI description. Default: JSON of the body's type."""
    produces: Mapping[str, str] = field(default_factory=dict)
    """Media types of the answer beside JSON, and what the answer holds then."""
    other_statuses: Mapping[int, str] = field(default_factory=dict)
    """Statuses that only this operation answers with, and what they mean."""

    @property
    def name(self) -> str:
        return self.handle.__name__

    @property
    def summary(self) -> str:
        return (self.handle.__doc__ or "").split("\n")[0].rstrip(".")

    @property
    def body(self) -> Any:
        """The type of the body that the handler is given, or None."""
        return _types(self.handle)[0]

    @property
    def request(self) -> Any:
        """The type of the body, or None."""
        return self.reads or self.body

    @property
    def response(self) -> Any:
        """The type of the answer, or None."""
        return self.answers or _types(self.handle)[1]

    @property
    def success_status(self) -> int:
        return self.status or (204 if self.response is None else 200)


@cache
def _types(handle: Handler) -> tuple[Any, Any]:
    """The annotated types of the body and the answer; None where there is none."""
    hints = get_type_hints(handle)
    answer = hints.pop("return")
    body = list(hints.values())[1:]
    return body[0] if body else None, None if answer in (type(None), Response) else answer


@dataclass(slots=True)
class Call:
    """A request whose sender was identified and may make it."""

    context: Context
    operation: Operation
    request: Request
    request_id: str

    @property
    def path(self) -> dict[str, str]:
        """The parameters of the path, as text."""
        return self.request.path_params

    def find(self, parameter: Parameter[T]) -> T | None:
        """The parameter's value or default, or None. Raises Invalid or NotFound."""
        declared = parameter.location == "path" or parameter.name in (one.name for one in self.operation.parameters)
        assert declared, f"{self.operation.name} does not declare {parameter.name}"
        return parameter.read(self.request)

    def get(self, parameter: Parameter[T]) -> T:
        """The parameter's value or default. Raises Invalid or NotFound."""
        value = self.find(parameter)
        if value is None:
            raise Invalid(f"{parameter.name} is missing")
        return value

    @property
    def read_limit(self) -> int:
        """How many rows to read for a page: one more than `limit`, which tells whether a page follows."""
        return self.get(LIMIT) + 1

    def page(self, rows: Sequence[T]) -> tuple[Sequence[T], bool]:
        """The rows of the page, of `read_limit` rows that were read, and whether a page follows."""
        limit = self.get(LIMIT)
        return rows[:limit], len(rows) > limit

    @property
    def declared_bytes(self) -> int:
        """The length of the body by its header; 0 if there is none."""
        length = self.request.headers.get("content-length", "0")
        return int(length) if length.isascii() and length.isdigit() else 0

    async def read(self, limit_bytes: int) -> bytes:
        """The body. Raises RequestRejected(BODY_TOO_LARGE)."""
        return await read_body(self.request.receive, self.declared_bytes, limit_bytes)

    async def decode(self, shape: Any, limit_bytes: int) -> Any:
        """The JSON body as a value of the type. Raises Invalid or RequestRejected(BODY_TOO_LARGE)."""
        text = await self.read(limit_bytes)
        try:
            return msgspec.convert(_with_integers(msgspec.json.decode(text)), shape)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise Invalid(f"the body is not what the operation takes: {error}") from error


def _with_integers(document: Any) -> Any:
    """The document with members like 5.0 as integers: in JSON they are the same number."""
    if not isinstance(document, dict):
        return document
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in document.items()
    }
