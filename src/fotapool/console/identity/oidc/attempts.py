"""A sign-in that has begun: its secrets are in a signed cookie of the browser, for one use within ten minutes."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec.structs import astuple
from starlette.requests import Request
from starlette.responses import Response

from fotapool.console.identity.oidc.id_token import SignInRefused
from fotapool.core.bounded import BoundedDict
from fotapool.web.http import read_cookie

COOKIE = "fotapool_sign_in"
LIFE_S = 600
MAX_USED = 10_000
"""How many used attempts a process remembers; each is of no use after LIFE_S."""
_RANDOM_BYTES = 32


class Attempt(msgspec.Struct, frozen=True):
    """What binds the provider's answer to this browser, and the page that the sign-in leads to."""

    state: str
    nonce: str
    code_verifier: str
    next: str
    expires_s: int


class Attempts:
    """Begins attempts, and returns each once."""

    def __init__(self, key: bytes, cookie_path: str, now_s: Callable[[], int]) -> None:
        self._signer = URLSafeSerializer(key, salt="fotapool sign-in")
        self._cookie_path = cookie_path
        self._now_s = now_s
        self._used: BoundedDict[str, bool] = BoundedDict(MAX_USED)

    def new(self, next_path: str) -> Attempt:
        state, nonce, code_verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        return Attempt(state, nonce, code_verifier, next_path, expires_s=self._now_s() + LIFE_S)

    def set_cookie(self, attempt: Attempt, request: Request, response: Response) -> None:
        """Sets the cookie of the attempt; that of an earlier one is replaced."""
        response.set_cookie(
            COOKIE,
            self._signer.dumps(astuple(attempt)),
            LIFE_S,
            path=self._cookie_path,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def delete_cookie(self, response: Response) -> None:
        """Deletes the cookie."""
        response.delete_cookie(COOKIE, path=self._cookie_path)

    def take(self, request: Request) -> Attempt:
        """The attempt that the request ends. Raises SignInRefused if this browser has not begun it, or it has ended."""
        try:
            attempt = Attempt(*self._signer.loads(read_cookie(request, COOKIE)))
        except (BadSignature, TypeError) as error:
            raise SignInRefused("it was not begun in this browser, or has ended already") from error
        if not hmac.compare_digest(request.query_params.get("state", "").encode(), attempt.state.encode()):
            raise SignInRefused("it was not begun in this browser, or another one was begun after it")
        if attempt.expires_s <= self._now_s():
            raise SignInRefused(f"it took longer than {LIFE_S // 60} minutes")
        if attempt.state in self._used:
            raise SignInRefused("it has ended already")
        self._used[attempt.state] = True
        return attempt
