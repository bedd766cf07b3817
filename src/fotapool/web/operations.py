"""Rows of the tables of operations and pages, and the call that a handler receives.

The handler gives an operation its name (the function's), its summary (the first line of the docstring) and the types of
body and answer (the annotations): `async def create_account(call: Call, given: NewAccount) -> AccountView`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.services.context import Context
from fotapool.web.http import read_body
from fotapool.web.parameters import LIMIT, Parameter, check_period

T = TypeVar("T")
Handler = Callable[..., Awaitable[Any]]


class Row(msgspec.Struct, frozen=True):
    """A method on a path, its handler, and the role that it needs."""

    method: str
    path: str
    """The path below the base of the API or the console, with parameters as `{name}`."""
    handle: Handler
    role: Role | None = None
    """Default: viewer for GET, editor for all other methods."""
    action: str = ""
    """What the audit log calls it. Default: the handler's name, as `createUser`."""
    reads_only: bool = False
    """Whether it changes nothing although its method is not GET."""

    @property
    def changes(self) -> bool:
        """Whether it changes something, so that each use of it is an entry of the audit log."""
        return self.method != "GET" and not self.reads_only

    @property
    def audited_action(self) -> str:
        """What the audit log calls it."""
        first, *others = self.handle.__name__.split("_")
        return self.action or first + "".join(word.capitalize() for word in others)

    @property
    def needed_role(self) -> Role:
        return self.role or (Role.VIEWER if self.method == "GET" else Role.EDITOR)


class Operation(Row, frozen=True, kw_only=True):
    """An operation of a JSON API."""

    parameters: Sequence[Parameter[Any]] = ()
    """Parameters of query, headers and path. An API declares common path parameters once (`ApiDescription`)."""
    status: int | None = None
    """The status of the answer. Default: 204 if the handler returns None, else 200."""
    max_body_bytes: int | None = None
    """The limit of the body. Default: the limit of the API."""
    reads: Any = None
    """The type of the body, if the handler reads the body itself."""
    answers: Any = None
    """The type of the answer, if the handler returns a Response."""
    consumes: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Media types of the body, each with its OpenAPI media type object. Default: JSON of the body's type."""
    produces: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Further media types of the answer, each with a description of its content."""
    other_statuses: Mapping[int, str] = msgspec.field(default_factory=dict)
    """Further statuses of this operation, each with its meaning."""

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


class Call(msgspec.Struct):
    """A request of an identified sender who may make it."""

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

    def period(self, since: Parameter[int], until: Parameter[int]) -> tuple[int | None, int | None]:
        """The values of both parameters (ms), or None. Raises Invalid if the period ends before it begins."""
        since_ms, until_ms = self.find(since), self.find(until)
        check_period(since_ms, until_ms)
        return since_ms, until_ms

    @property
    def read_limit(self) -> int:
        """The number of rows to read for a page: `limit` + 1, to know whether another page follows."""
        return self.get(LIMIT) + 1

    def page(self, rows: Sequence[T]) -> tuple[Sequence[T], bool]:
        """The first `limit` of `rows`, and whether another page follows. Read `read_limit` rows for it."""
        limit = self.get(LIMIT)
        return rows[:limit], len(rows) > limit

    @property
    def declared_bytes(self) -> int:
        """The length of the body (bytes) by its header; 0 without the header."""
        length = self.request.headers.get("content-length", "0")
        return int(length) if length.isascii() and length.isdigit() else 0

    async def read(self, limit_bytes: int) -> bytes:
        """The body. Raises RequestRejected(BODY_TOO_LARGE)."""
        return await read_body(self.request.receive, self.declared_bytes, limit_bytes)

    async def decode(self, shape: Any, limit_bytes: int) -> Any:
        """The JSON body as a `shape`. Raises Invalid or RequestRejected(BODY_TOO_LARGE)."""
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
