"""Routes requests to the rows of a table, and answers HEAD, OPTIONS, 404, 405 and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from fotapool.core.logs.context import begin_request
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.services.context import Context
from fotapool.services.identity.device_keys import KeyUnknown
from fotapool.web.http import RequestIds, sender_address
from fotapool.web.observed import OPERATION
from fotapool.web.operations import Call, Operation, Row
from fotapool.web.problems import problem, problem_of

log = Log(__name__)

JSON = "application/json"
R = TypeVar("R", bound=Row)
Op = TypeVar("Op", bound=Operation)


class Endpoint(Generic[R]):
    """ASGI application for the rows of one path; without rows, for all paths that do not exist."""

    api: str
    """The name of the API in metrics."""

    def __init__(self, request_ids: RequestIds, rows: Sequence[R]) -> None:
        self._request_ids = request_ids
        self.rows = {row.method: row for row in rows}
        if "GET" in self.rows:
            self.rows["HEAD"] = self.rows["GET"]
        self._observed = {method: (self.api, row.handle.__name__, method) for method, row in self.rows.items()}
        self.allowed = ", ".join(sorted([*self.rows, "OPTIONS"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] in self._observed:
            scope[OPERATION] = self._observed[scope["method"]]
        request = Request(scope, receive)
        request_id = self._request_ids.choose_text(request.headers.get("x-request-id"))
        begin_request(request_id)
        response = await self.respond(request, request_id)
        response.headers["x-request-id"] = request_id
        await response(scope, receive, send)

    async def respond(self, request: Request, request_id: str) -> Response:
        """The answer. Raises nothing."""
        raise NotImplementedError


def router(base: str, rows: Iterable[R], endpoint: Callable[[Sequence[R]], Endpoint[R]]) -> Router:
    """Routes each path below `base` to the endpoint of its rows, and all other paths to one without rows."""
    by_path: dict[str, list[R]] = {}
    for row in rows:
        by_path.setdefault(row.path, []).append(row)
    routes = [Route(base + path, endpoint(of_path)) for path, of_path in by_path.items()]
    return Router(routes, redirect_slashes=False, default=endpoint(()))


class JsonEndpoint(Endpoint[Op]):
    """Endpoint of a JSON API; its errors are problem details."""

    unknown_path: str
    """The detail of the problem for a path that does not exist."""
    key_hint: str
    """The detail of the problem for a missing or unknown key."""
    realm: str

    def __init__(self, context: Context, request_ids: RequestIds, operations: Sequence[Op]) -> None:
        super().__init__(request_ids, operations)
        self.context = context
        self.max_body_bytes = context.settings.max_body_bytes

    async def identify(self, operation: Op, request: Request, request_id: str) -> Call:
        """The call of a sender who may make it. Raises KeyUnknown, HttpError or NotFound."""
        raise NotImplementedError

    async def respond(self, request: Request, request_id: str) -> Response:
        if not self.rows:
            return problem(404, self.unknown_path)
        allow = {"Allow": self.allowed}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        operation = self.rows.get(request.method)
        if operation is None:
            return problem(405, f"this resource takes {self.allowed}", allow)
        try:
            return await self._run(operation, await self.identify(operation, request, request_id))
        except KeyUnknown:
            await self.context.throttle.delay_answer(sender_address(request.scope))
            return problem(401, self.key_hint, {"WWW-Authenticate": f'Bearer realm="{self.realm}"'})
        except Exception as error:
            if isinstance(error, Throttled):
                await self.context.throttle.delay_answer(sender_address(request.scope))
            response = problem_of(error, self.context.settings.retry_after_s)
            if response is None:
                log.write(LogEvent.REQUEST_FAILED, error, request_id=request_id)
                return problem(500, "a fault of the server; its log has the details")
            return response

    async def _run(self, operation: Op, call: Call) -> Response:
        shape = operation.body
        given = () if shape is None else (await call.decode(shape, operation.max_body_bytes or self.max_body_bytes),)
        answer = await operation.handle(call, *given)
        if isinstance(answer, Response):
            return answer
        status = operation.success_status
        return Response(status_code=status) if answer is None else json_response(answer, status)


def json_response(answer: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as a JSON response."""
    return Response(msgspec.json.encode(answer), status, headers, media_type=JSON)


def bearer_key(request: Request) -> str:
    """The key in the header Authorization. Raises KeyUnknown if there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise KeyUnknown
    return key.strip()
