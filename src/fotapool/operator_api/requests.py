"""Reads and answers requests of the operator plane: key, bodies, lists, times."""

from __future__ import annotations

import enum
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fotapool.domain.errors import Invalid
from fotapool.domain.identity.roles import Role
from fotapool.operator_api.problems import problem, problem_of
from fotapool.services.accounts.accounts import get_account
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.services.identity.credentials import identify_operator
from fotapool.store.identity.sessions import Operator
from fotapool.web.http import Endpoint, RequestIds, by_method, read_body

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=msgspec.Struct)
DEFAULT_LIMIT = 100
MAX_CURSOR = 2**53


class Only(enum.Enum):
    """Which servers have an operation."""

    BOTH = "both servers"
    EMULATE = "emulate"


@dataclass(slots=True)
class OperatorCall:
    """A request of an operator whose key was checked."""

    context: Context
    operator: str
    request: Request
    request_id: str

    async def caller(self) -> Caller:
        """The operator, about the account in the path. Raises NotFound."""
        account = await get_account(self.context, self.request.path_params["name"])
        return Caller(self.operator, self.request_id, account.id, account.name)

    async def body(self, shape: type[Body]) -> Body:
        """Raises Invalid that says what is wrong with the body, or RequestRejected(BODY_TOO_LARGE)."""
        length = self.request.headers.get("content-length", "0")
        declared = int(length) if length.isascii() and length.isdigit() else 0
        text = await read_body(self.request.receive, declared, self.context.settings.max_body_bytes)
        try:
            return msgspec.convert(_with_integers(msgspec.json.decode(text)), shape)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise Invalid(f"the body is not what the operation takes: {error}") from error

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number from the query. Raises Invalid."""
        text = self.request.query_params.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20 and lowest <= int(text) <= highest):
            raise Invalid(f"{name} must be a whole number from {lowest} to {highest}, not {text[:40]!r}")
        return int(text)

    def limit(self) -> int:
        return self.number("limit", DEFAULT_LIMIT, 1, OPERATOR_PAGE)

    def after(self) -> str:
        """The cursor of a list by name. Raises Invalid."""
        text = self.request.query_params.get("after", "")
        if "\x00" in text:
            raise Invalid("after must not hold a NUL character")
        return text

    def flag(self, name: str) -> bool:
        """A true or false from the query. Raises Invalid."""
        text = self.request.query_params.get(name, "false")
        if text not in ("true", "false"):
            raise Invalid(f"{name} must be true or false")
        return text == "true"


@dataclass(frozen=True, slots=True)
class OperatorOperation:
    """One operation of the operator plane; one table drives routes, OpenAPI and docs/operations.md."""

    name: str
    method: str
    path: str
    handle: Callable[[OperatorCall], Awaitable[Response]]
    summary: str
    response: type | None
    status: int = 200
    request: Any = None
    """The structure of the body, or a list of one."""
    consumes: Sequence[str] = ("application/json",)
    produces: Sequence[str] = ("application/json",)
    query: Sequence[tuple[str, str]] = ()
    only: Only = Only.BOTH
    role: Role | None = None
    """What an operator must be; if it is not said, whoever may look may GET, and whoever may change, the others."""

    @property
    def needed_role(self) -> Role:
        return self.role or (Role.VIEWER if self.method == "GET" else Role.EDITOR)


class OperatorEndpoint(Endpoint):
    """The operations of one path, by method, as an ASGI application."""

    def __init__(self, context: Context, request_ids: RequestIds, operations: Sequence[OperatorOperation]) -> None:
        super().__init__(request_ids)
        self._context = context
        self._operations = by_method(operations)
        self._allowed = ", ".join(sorted([*self._operations, "OPTIONS"]))

    async def respond(self, request: Request, request_id: str) -> Response:
        operation = self._operations.get(request.method)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allowed})
        if operation is None:
            return problem(405, f"this resource takes {self._allowed}", {"Allow": self._allowed})
        retry_after_s = self._context.settings.retry_after_s
        try:
            operator = await self._identify(request)
            if operator is None:
                detail = "send the operator key as Authorization: Bearer KEY"
                return problem(401, detail, {"WWW-Authenticate": 'Bearer realm="fotapool control"'})
            needed = operation.needed_role
            if not operator.role.allows(needed):
                return problem(
                    403, f"this needs the role {needed.value}; operator {operator.name} may only {operator.role.value}"
                )
            return await operation.handle(OperatorCall(self._context, operator.name, request, request_id))
        except ClientDisconnect:
            return problem(400, "the client went away before the body had ended")
        except Exception as error:
            answer = problem_of(error, retry_after_s)
            if answer is None:
                log.exception("request %s failed", request_id)
                return problem(500, "a fault of the server; its log has the details")
            return answer

    async def _identify(self, request: Request) -> Operator | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return None
        return await identify_operator(self._context, key.strip())


class UnknownOperatorPath(Endpoint):
    """Answers whatever the operator plane does not have."""

    async def respond(self, request: Request, request_id: str) -> Response:
        return problem(404, "the operator plane has no such resource; see /docs")


def _with_integers(document: Any) -> Any:
    """The document with members like 5.0 as integers: to JSON they are the same number."""
    if not isinstance(document, dict):
        return document
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in document.items()
    }


def answer(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def no_content() -> Response:
    return Response(status_code=204)
