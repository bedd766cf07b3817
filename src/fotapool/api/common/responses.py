"""Sends answers over ASGI, and words refusals as the gateway and the service behind it do."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected

_JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
AUTH_HEADER = b"x-fotapool-auth"
NO_CONTENT = 204
GZIP_FROM_BYTES = 16 * 1024
"""Smaller answers are not worth the time it takes to compress them."""
GZIP_LEVEL = 2
_encode = msgspec.json.Encoder().encode


class ErrorBody(msgspec.Struct):
    """The body of every refusal of the service ("Failure Responses" of each page)."""

    errorCode: str
    errorMessage: str
    invalidDevices: list[str] | msgspec.UnsetType = msgspec.UNSET


class Fault(msgspec.Struct):
    """A refusal of the gateway before the service is reached (facts, section 8.3)."""

    code: str
    message: str
    description: str


class FaultBody(msgspec.Struct):
    fault: Fault


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)


async def send_answer(
    send: Send, answer: Answer, request_id: bytes, with_body: bool = True, takes_gzip: bool = False
) -> None:
    """Sends the answer, a large one compressed if the client takes that; `with_body` is false for HEAD."""
    body = answer.body
    headers = [*answer.headers, (b"x-request-id", request_id)]
    if len(body) >= GZIP_FROM_BYTES:
        headers.append((b"vary", b"accept-encoding"))
        if takes_gzip:
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
    if answer.status != NO_CONTENT:  # which must not say how long nothing is (RFC 9110, 8.6)
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if with_body else b""})


def json_answer(body: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(status, _encode(body), (_JSON, *headers))


AUTH_ERRORS = frozenset(
    {
        ErrorCode.BEARER_MISSING,
        ErrorCode.BEARER_INVALID,
        ErrorCode.SESSION_MISSING,
        ErrorCode.SESSION_INVALID,
        ErrorCode.SESSION_EXPIRED,
        ErrorCode.LOGIN_REFUSED,
    }
)


def explain_auth(refused: RequestRejected) -> tuple[tuple[bytes, bytes], ...]:
    """The header that says which token failed and why."""
    if refused.code not in AUTH_ERRORS:
        return ()
    why = refused.code.value + (f" ({refused.detail})" if refused.detail else "")
    return ((AUTH_HEADER, why.encode()),)


def gateway_error(refused: RequestRejected, api_context: str) -> Answer:
    """The gateway's answer to a bearer token that is missing or not valid."""
    if refused.code is ErrorCode.BEARER_MISSING:
        fault = Fault(
            "900902",
            "Missing Credentials",
            "Required OAuth credentials not provided. Make sure your API invocation call has a header: "
            '"Authorization: Bearer ACCESS_TOKEN"',
        )
    else:
        fault = Fault(
            "900901",
            "Invalid Credentials",
            f"Access failure for API: {api_context}, version: {api_context.rsplit('/', 1)[-1]}. "
            "Make sure you have given the correct access token",
        )
    challenge = (b"www-authenticate", b'Bearer realm="fotapool"')
    return json_answer(FaultBody(fault), 401, (challenge, *explain_auth(refused)))


def unknown_resource(api_context: str) -> Answer:
    """The gateway's answer to a path that the API does not have."""
    return json_answer(
        FaultBody(
            Fault(
                "900906",
                "No matching resource found in the API for the given request",
                f"Access failure for API: {api_context}, version: {api_context.rsplit('/', 1)[-1]}. Check the API "
                "documentation and add a proper REST resource path to the invocation URL",
            )
        ),
        400,
    )


def method_not_allowed(allowed: str) -> Answer:
    """The gateway's answer to a method that the resource does not have (our choice: not documented)."""
    fault = Fault("405", "Method not allowed", f"This resource takes {allowed}")
    return json_answer(FaultBody(fault), 405, ((b"allow", allowed.encode()),))


def unknown_api() -> Answer:
    """The gateway's answer to a path outside every API (facts, section 8.3, "wrong endpoint")."""
    body = (
        b'<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code><am:type>Status report</am:type>'
        b"<am:message>Not Found</am:message><am:description>The requested resource is not available."
        b"</am:description></am:fault>"
    )
    return Answer(404, body, ((b"content-type", b"application/xml"),))


class GatewayFault:
    """An ASGI application that answers everything alike: what a router falls back to."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_answer(send, self._answer, b"-", scope["method"] != "HEAD")
