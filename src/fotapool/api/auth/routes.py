"""The paths of sign-in."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool.api.auth import oauth, sessions
from fotapool.api.common.connectivity_errors import connectivity_error
from fotapool.api.common.endpoint import Describe, RequestHead
from fotapool.api.common.errors import FixedResponse, method_not_allowed, unknown_resource
from fotapool.core.logs.context import begin_request
from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.store.db.connection import StoreUnavailable
from fotapool.web.http import REJECTION, ApiResponse, RequestIds, read_body, send_response, sender_address
from fotapool.web.observed import OPERATION

log = Log(__name__)

OAUTH_BASE = "/api/ts/v1"
SESSION_BASE = "/api/m2m/v1"

Respond = Callable[[RequestHead, str | None, bytes, str], Awaitable[ApiResponse]]
"""Answers a request: its head, its Authorization, its body or query, and the address that it came from."""


class _Endpoint:
    def __init__(
        self, context: Context, request_ids: RequestIds, method: str, respond: Respond, describe: Describe
    ) -> None:
        self._context = context
        self._request_ids = request_ids
        self._method = method
        self._respond = respond
        self._observed = "sign-in", respond.__name__, method
        self._describe = describe
        self._takes_query = describe is oauth.oauth_error
        """Several public clients send the form of the OAuth API as the query, with an empty body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope, self._request_ids)
        begin_request(head.request_id)
        allowed = f"OPTIONS, {self._method}"
        if scope["method"] == self._method:
            scope[OPERATION] = self._observed
            response = await self._response(scope, receive, head)
        elif scope["method"] == "OPTIONS":
            response = ApiResponse(204, b"", ((b"allow", allowed.encode()),))
        else:
            response = method_not_allowed(allowed)
        await send_response(send, scope, response, head.request_id)

    async def _response(self, scope: Scope, receive: Receive, head: RequestHead) -> ApiResponse:
        address, throttle = sender_address(scope), self._context.throttle
        try:
            body = await read_body(receive, head.content_length, sessions.MAX_BODY_BYTES)
            if self._takes_query and not body.strip():
                body = scope["query_string"]
            authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
            basic = authorization.decode("latin-1") if authorization else None
            response = await self._respond(head, basic, body, address)
            if response.status == oauth.UNAUTHORIZED:
                await throttle.delay_answer(address)
            return response
        except RequestRejected as rejected:
            error = rejected
            if error.code is not ErrorCode.RATE_LIMITED:
                await throttle.delay_answer(address)
        except StoreUnavailable:
            error = RequestRejected(ErrorCode.STORE_UNAVAILABLE)
        except Exception as failure:
            log.write(LogEvent.SIGN_IN_BROKEN, failure)
            error = RequestRejected(ErrorCode.INTERNAL)
        scope[REJECTION] = error.with_traceback(None)
        return self._describe(error, error.retry_after_s or self._context.settings.retry_after_s)


def signin_routes(
    context: Context, authenticator: Authenticator, request_ids: RequestIds, others: ASGIApp
) -> list[BaseRoute]:
    """The routes of the OAuth and the session API; `others` answers the other paths of the latter's base."""

    def with_basic(handler: Callable[[Context, str | None, str, str], Awaitable[ApiResponse]]) -> Respond:
        @functools.wraps(handler)
        async def respond(head: RequestHead, authorization: str | None, body: bytes, address: str) -> ApiResponse:
            return await handler(context, authorization, body.decode("latin-1"), address)

        return respond

    def with_tokens(handler: Callable[[sessions.SignInCall], Awaitable[ApiResponse]]) -> Respond:
        @functools.wraps(handler)
        async def respond(head: RequestHead, authorization: str | None, body: bytes, address: str) -> ApiResponse:
            return await handler(
                sessions.SignInCall(context=context, authenticator=authenticator, head=head, body=body, address=address)
            )

        return respond

    def mount(base: str, describe: Describe, default: ASGIApp, routes: list[tuple[str, str, Respond]]) -> Mount:
        endpoints = [
            Route(path, _Endpoint(context, request_ids, method=method, respond=respond, describe=describe))
            for method, path, respond in routes
        ]
        return Mount(base, Router(endpoints, redirect_slashes=False, default=default))

    return [
        mount(
            OAUTH_BASE,
            oauth.oauth_error,
            FixedResponse(unknown_resource(oauth.API_CONTEXT)),
            [
                ("POST", "/oauth2/token", with_basic(oauth.issue_token)),
                ("POST", "/oauth2/revoke", with_basic(oauth.revoke_token)),
            ],
        ),
        mount(
            SESSION_BASE,
            connectivity_error,
            others,
            [
                ("POST", "/session/login", with_tokens(sessions.login)),
                ("POST", "/session/logout", with_tokens(sessions.logout)),
                ("PUT", "/session/password/actions/reset", with_tokens(sessions.reset)),
            ],
        ),
    ]
