"""Who is signed in to the console: a signed cookie that names the operator, and what keeps others from using it."""

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
"""How long an operator stays signed in, in seconds of real time: the test clock does not end it."""
NOTICE_LIFE_S = 60
KEY_MARK = 16
"""How many hex digits of the key's hash a session is bound to: with another key for the name, it ends."""


@dataclass(frozen=True, slots=True)
class Session:
    """An operator who is signed in, and the token that the forms of this session carry."""

    operator: Operator
    csrf: str


class Sessions:
    """Makes and checks the cookies. What the cookie says is looked up again for each request."""

    def __init__(self, context: Context, real_clock: Clock) -> None:
        self._context = context
        self._clock = real_clock
        self._signer: URLSafeSerializer | None = None

    async def read(self, request: Request) -> Session | None:
        """The session of the request, if its cookie is ours, has not ended, and the operator still has that key."""
        found = await self._load(request.cookies.get(COOKIE))
        if not isinstance(found, dict):
            return None
        operator = await find_operator(self._context, str(found.get("operator")))
        age_ms = self._clock.now_ms() - int(found.get("since", 0))
        if operator is None or found.get("key") != _mark(operator) or not 0 <= age_ms < LIFE_S * 1000:
            return None
        return Session(operator, str(found.get("csrf")))

    async def begin(self, request: Request, response: Response, operator: Operator) -> None:
        """Sets the cookie of a new session."""
        content = {
            "operator": operator.name,
            "key": _mark(operator),
            "since": self._clock.now_ms(),
            "csrf": self._context.random_bytes(16).hex(),
        }
        self._set(
            request=request,
            response=response,
            name=COOKIE,
            content=(await self._signer_of_server()).dumps(content),
            life_s=LIFE_S,
        )

    def end(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path=PATH)

    async def leave_notice(self, request: Request, response: Response, words: str, kind: str) -> None:
        """Words that the next page shows, once: of kind `done` or `failed`."""
        content = (await self._signer_of_server()).dumps({"words": words, "kind": kind})
        self._set(request=request, response=response, name=NOTICE_COOKIE, content=content, life_s=NOTICE_LIFE_S)

    async def notice(self, request: Request) -> dict[str, str] | None:
        found = await self._load(request.cookies.get(NOTICE_COOKIE))
        return found if isinstance(found, dict) and "words" in found else None

    async def _load(self, text: str | None) -> Any:
        if not text:
            return None
        try:
            return (await self._signer_of_server()).loads(text)
        except BadSignature:
            return None

    async def _signer_of_server(self) -> URLSafeSerializer:
        if self._signer is None:
            self._signer = URLSafeSerializer(await server_secret(self._context, "console"), salt="fotapool console")
        return self._signer

    def _set(self, request: Request, response: Response, name: str, content: str, life_s: int) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(name, content, life_s, path=PATH, secure=secure, httponly=True, samesite="lax")


def same_token(given: str, of_session: str) -> bool:
    return hmac.compare_digest(given.encode(), of_session.encode())


def _mark(operator: Operator) -> str:
    return operator.key_hash.hex()[:KEY_MARK]
