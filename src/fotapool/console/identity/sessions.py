"""Sessions of the console: a cookie with a random token, and the CSRF token of its forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from fotapool.core.clock import Clock
from fotapool.domain.identity import CONSOLE_LIFETIME_MS
from fotapool.services.audit_log.drafts import NOT_AUDITED, AuditDraft, Values
from fotapool.services.context import Context
from fotapool.services.identity import console_sessions
from fotapool.store.identity.operators import Operator
from fotapool.web.http import read_cookie
from fotapool.web.pages import CONSOLE_BASE

COOKIE, NOTICE_COOKIE = "fotapool_console", "fotapool_notice"
PATH = CONSOLE_BASE
LIFE_S = CONSOLE_LIFETIME_MS // 1000
NOTICE_LIFE_S = 60
CSRF_BYTES = 16


class Session(msgspec.Struct, frozen=True):
    """The operator who is signed in, and the CSRF token of the session."""

    operator: Operator
    csrf: bytes

    def new_csrf(self) -> str:
        """The token for one page, behind a random mask: its letters differ on each, though pages are compressed."""
        mask = secrets.token_bytes(CSRF_BYTES)
        return (mask + _exclusive_or(mask, self.csrf)).hex()

    def accepts_csrf(self, given: str) -> bool:
        """Whether it is a token of this session, behind any mask."""
        try:
            given_bytes = bytes.fromhex(given)
        except ValueError:
            return False
        mask, masked = given_bytes[:CSRF_BYTES], given_bytes[CSRF_BYTES:]
        return len(masked) == CSRF_BYTES and hmac.compare_digest(_exclusive_or(mask, masked), self.csrf)


class Sessions:
    """Creates and verifies the cookies. Session and operator are read from the database for each request."""

    def __init__(self, context: Context, real_clock: Clock) -> None:
        self._context = context
        self._clock = real_clock
        self.cookie_path = context.settings.root_path + PATH
        self._signer = URLSafeSerializer(context.secrets.digest(b"console notices"), salt="fotapool console")

    async def read(self, request: Request) -> Session | None:
        """The session of the request; None if it has ended, or the operator has another key."""
        token = read_cookie(request, COOKIE)
        operator = await console_sessions.find_session(self._context, token, self._clock.now_ms())
        return None if operator is None else Session(operator, _csrf(token))

    async def begin(
        self,
        request: Request,
        response: Response,
        operator: Operator,
        audit: AuditDraft,
        details: Values | None = None,
    ) -> None:
        """Starts a session: sets its cookie. A session of the browser that is under way ends.

        `details` go to the audit log's entry.
        """
        await self._end(request, NOT_AUDITED)
        now_ms = self._clock.now_ms()
        context = replace(self._context, audit=audit)
        token = await console_sessions.begin_session(context, operator, now_ms, details)
        self._set(request=request, response=response, name=COOKIE, content=token, life_s=LIFE_S)

    async def end(self, request: Request, response: Response, audit: AuditDraft) -> None:
        """Ends the session, and deletes its cookie."""
        await self._end(request, audit)
        response.delete_cookie(COOKIE, path=self.cookie_path)

    async def _end(self, request: Request, audit: AuditDraft) -> None:
        if token := read_cookie(request, COOKIE):
            await console_sessions.end_session(replace(self._context, audit=audit), token)

    async def leave_notice(self, request: Request, response: Response, text: str, kind: str) -> None:
        """Stores a text that the next page shows once. `kind` is done, warn or failed."""
        content = self._signer.dumps({"text": text, "kind": kind})
        self._set(request=request, response=response, name=NOTICE_COOKIE, content=content, life_s=NOTICE_LIFE_S)

    async def notice(self, request: Request) -> dict[str, str] | None:
        """The stored notice with its `text` and `kind`; None if there is none."""
        try:
            content = self._signer.loads(read_cookie(request, NOTICE_COOKIE))
        except BadSignature:
            return None
        return content if isinstance(content, dict) and "text" in content else None

    def _set(self, request: Request, response: Response, name: str, content: str, life_s: int) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(name, content, life_s, path=self.cookie_path, secure=secure, httponly=True, samesite="lax")


def _csrf(token: str) -> bytes:
    """The CSRF token of a session, from which the session's own token cannot be computed."""
    return hashlib.sha256(b"csrf " + token.encode()).digest()[:CSRF_BYTES]


def _exclusive_or(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
