"""The paths of sign-in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from fotapool.api.auth import oauth, sessions
from fotapool.api.common.endpoint import RequestHead
from fotapool.api.common.responses import Answer, GatewayFault, method_not_allowed, send_answer, unknown_resource
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.db.connection import StoreUnavailable
from fotapool.web.http import REJECTION, RequestIds, read_body

log = logging.getLogger(__name__)

OAUTH_BASE = "/api/ts/v1"
SESSION_BASE = "/api/m2m/v1"

Respond = Callable[[RequestHead, str | None, bytes], Awaitable[Answer]]


class _Endpoint:
    def __init__(self, context: Context, request_ids: RequestIds, method: str, respond: Respond) -> None:
        self._context = context
        self._request_ids = request_ids
        self._method = method
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope)
        request_id = self._request_ids.choose(head.request_id)
        allowed = f"OPTIONS, {self._method}"
        if scope["method"] == self._method:
            answer = await self._answer(scope, receive, head)
        elif scope["method"] == "OPTIONS":
            answer = Answer(204, b"", ((b"allow", allowed.encode()),))
        else:
            answer = method_not_allowed(allowed)
        await send_answer(send, answer, request_id, scope["method"] != "HEAD")

    async def _answer(self, scope: Scope, receive: Receive, head: RequestHead) -> Answer:
        retry_after_s = self._context.settings.retry_after_s
        try:
            body = await read_body(receive, head.content_length, sessions.MAX_BODY_BYTES)
            authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
            return await self._respond(head, authorization.decode("latin-1") if authorization else None, body)
        except RequestRejected as rejected:
            scope[REJECTION] = rejected.with_traceback(None)
            return sessions.session_error(rejected, retry_after_s)
        except StoreUnavailable:
            return sessions.session_error(RequestRejected(ErrorCode.STORE_UNAVAILABLE), retry_after_s)
        except Exception:
            log.exception("sign-in failed")
            return sessions.session_error(RequestRejected(ErrorCode.INTERNAL), retry_after_s)


def signin_routes(context: Context, gate: Authenticator, request_ids: RequestIds) -> list[BaseRoute]:
    """The two APIs that sign-in consists of."""

    def with_basic(handler: Callable[[Context, str | None, str], Awaitable[Answer]]) -> Respond:
        async def respond(head: RequestHead, authorization: str | None, body: bytes) -> Answer:
            return await handler(context, authorization, body.decode("latin-1"))

        return respond

    def with_tokens(
        handler: Callable[[Context, Authenticator, str | None, str | None, bytes], Awaitable[Answer]],
    ) -> Respond:
        async def respond(head: RequestHead, authorization: str | None, body: bytes) -> Answer:
            return await handler(context, gate, head.bearer, head.session, body)

        return respond

    def route(path: str, method: str, respond: Respond) -> Route:
        return Route(path, _Endpoint(context, request_ids, method, respond))

    oauth_routes = [
        route("/oauth2/token", "POST", with_basic(oauth.issue_token)),
        route("/oauth2/revoke", "POST", with_basic(oauth.revoke_token)),
    ]
    session_routes = [
        route("/session/login", "POST", with_tokens(sessions.login)),
        route("/session/logout", "POST", with_tokens(sessions.logout)),
        route("/session/password/actions/reset", "PUT", with_tokens(sessions.reset)),
    ]
    return [
        Mount(OAUTH_BASE, _router(oauth_routes, oauth.API_CONTEXT)),
        Mount(SESSION_BASE, _router(session_routes, sessions.API_CONTEXT)),
    ]


def _router(routes: list[Route], api_context: str) -> Router:
    return Router(routes, redirect_slashes=False, default=GatewayFault(unknown_resource(api_context)))
