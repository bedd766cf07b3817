"""Sessions of the console: a signed cookie that names the operator, and the CSRF token of its forms."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from fotapool.core.clock import Clock
from fotapool.services.context import Context
from fotapool.services.identity.operators import find_operator
from fotapool.services.identity.server_secrets import server_secret
from fotapool.store.identity.sessions import Operator

COOKIE, NOTICE_COOKIE = "fotapool_console", "fotapool_notice"
PATH = "/console"
LIFE_S = 12 * 3600
"""Length of a session in seconds of real time; the test clock does not end it."""
NOTICE_LIFE_S = 60
KEY_DIGITS = 16
"""Number of hex digits of the key's hash that a session stores. A new key for the operator ends the session."""


@dataclass(frozen=True, slots=True)
class Session:
    """The operator who is signed in, and the CSRF token of the session."""

    operator: Operator
    csrf: str


class Sessions:
    """Creates and verifies the cookies. The operator is read from the database for each request."""

    def __init__(self, context: Context, real_clock: Clock) -> None:
        self._context = context
        self._clock = real_clock
        self._signer: URLSafeSerializer | None = None

    async def read(self, request: Request) -> Session | None:
        """The session of the request; None if the cookie is invalid or expired, or the operator has another key."""
        content = await self._load(request.cookies.get(COOKIE))
        if not isinstance(content, dict):
            return None
        operator = await find_operator(self._context, str(content.get("operator")))
        age_ms = self._clock.now_ms() - int(content.get("since", 0))
        if operator is None or content.get("key") != _key_digits(operator) or not 0 <= age_ms < LIFE_S * 1000:
            return None
        return Session(operator, str(content.get("csrf")))

    async def begin(self, request: Request, response: Response, operator: Operator) -> None:
        """Starts a session: sets its cookie."""
        content = {
            "operator": operator.name,
            "key": _key_digits(operator),
            "since": self._clock.now_ms(),
            "csrf": self._context.random_bytes(16).hex(),
        }
        self._set(
            request=request,
            response=response,
            name=COOKIE,
            content=(await self._server_signer()).dumps(content),
            life_s=LIFE_S,
        )

    def end(self, response: Response) -> None:
        """Deletes the session's cookie."""
        response.delete_cookie(COOKIE, path=PATH)

    async def leave_notice(self, request: Request, response: Response, text: str, kind: str) -> None:
        """Stores a text that the next page shows once. `kind` is done, warn or failed."""
        content = (await self._server_signer()).dumps({"text": text, "kind": kind})
        self._set(request=request, response=response, name=NOTICE_COOKIE, content=content, life_s=NOTICE_LIFE_S)

    async def notice(self, request: Request) -> dict[str, str] | None:
        """The stored notice with its `text` and `kind`; None if there is none."""
        content = await self._load(request.cookies.get(NOTICE_COOKIE))
        return content if isinstance(content, dict) and "text" in content else None

    async def _load(self, text: str | None) -> Any:
        if not text:
            return None
        try:
            return (await self._server_signer()).loads(text)
        except BadSignature:
            return None

    async def _server_signer(self) -> URLSafeSerializer:
        if self._signer is None:
            self._signer = URLSafeSerializer(await server_secret(self._context, "console"), salt="fotapool console")
        return self._signer

    def _set(self, request: Request, response: Response, name: str, content: str, life_s: int) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(name, content, life_s, path=PATH, secure=secure, httponly=True, samesite="lax")


def same_token(given: str, expected: str) -> bool:
    """Compares two tokens in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _key_digits(operator: Operator) -> str:
    return operator.key_hash.hex()[:KEY_DIGITS]
