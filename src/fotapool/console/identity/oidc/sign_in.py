"""The pages of a sign-in through the provider: there, back with a code, and the end of the session there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fotapool.console.app.errors import page_error, sentence
from fotapool.console.identity.oidc.attempts import Attempts
from fotapool.console.identity.oidc.id_token import SignInRefused, identity_of
from fotapool.console.identity.oidc.provider import Provider, ProviderFailed
from fotapool.console.identity.sessions import LIFE_S, PATH, Sessions
from fotapool.core.clock import Clock
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.domain.errors import Conflict, RequestRejected
from fotapool.services.audit_log.drafts import AuditDraft
from fotapool.services.audit_log.entries import SIGN_IN
from fotapool.services.context import Context
from fotapool.services.identity.oidc.people import count_refused_person, record_person
from fotapool.services.identity.oidc.providers import OidcSettings
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.identity.operators import Operator
from fotapool.store.identity.people import Person
from fotapool.web.http import RequestIds, sender_address

log = Log(__name__)

SIGN_IN_PATH = f"{PATH}/sign-in"
BEGIN_PATH, CALLBACK_PATH, END_PATH = (f"{SIGN_IN_PATH}/{name}" for name in ("provider", "callback", "provider-end"))
MAX_CODE = 4096
"""Maximum length of a code, in characters."""
KNOWN_ERRORS = {
    "access_denied": "you, or the provider, declined it",
    "login_required": "you are not signed in there",
    "consent_required": "the provider needs your consent",
    "interaction_required": "the provider needs more of you",
    "invalid_scope": "the provider does not know a scope of --oidc-scope",
    "unauthorized_client": "the provider does not allow it to this client",
    "temporarily_unavailable": "the provider is busy",
    "server_error": "the provider has failed",
}
"""Errors of the provider's answer (RFC 6749, section 4.1.2.1). Others are not shown: anybody could send them."""


class SignInForm(Protocol):
    """Renders the sign-in page."""

    def __call__(
        self, path: str, error: str = "", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response: ...


class ProviderSignIn:
    """The three pages. `inside` returns the path of a page of the console for whatever a query says."""

    def __init__(
        self,
        context: Context,
        sessions: Sessions,
        request_ids: RequestIds,
        *,
        settings: OidcSettings,
        real_clock: Clock,
        show_form: SignInForm,
        inside: Callable[[str], str],
        draft: Callable[[str, Request, str, Operator], AuditDraft],
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._request_ids = request_ids
        self._settings = settings
        self._clock = real_clock
        self._show_form = show_form
        self._inside = inside
        self._draft = draft
        cookie_path = context.settings.root_path + SIGN_IN_PATH
        key = context.secrets.digest(b"console sign-in")
        self._attempts = Attempts(key, cookie_path, lambda: real_clock.now_ms() // 1000)
        self._provider = Provider(settings, lambda: real_clock.now_ms() / 1000)

    def routes(self) -> list[Route]:
        pages = ((BEGIN_PATH, self.begin), (CALLBACK_PATH, self.end), (END_PATH, self.end_at_provider))
        return [Route(path, page, methods=["GET"]) for path, page in pages]

    async def begin(self, request: Request) -> Response:
        """Sends the browser to the provider."""

        async def answer() -> Response:
            attempt = self._attempts.new(self._inside(request.query_params.get("next", "")))
            url = await self._provider.authorization_url(attempt, self._url(request, CALLBACK_PATH))
            response = RedirectResponse(url, 303)
            self._attempts.set_cookie(attempt, request, response)
            return response

        return await self._guarded(request, answer)

    async def end(self, request: Request) -> Response:
        """Takes the provider's answer, starts a session, and leads to the page that was asked for."""

        async def answer() -> Response:
            try:
                return await self._end(request)
            except (SignInRefused, Conflict) as error:
                count_refused_person(
                    self._context,
                    self._settings.name,
                    str(error),
                    address=sender_address(request.scope),
                    request_id=self._request_id(request),
                )
                return self._show_form("", f"You are not signed in through {self._settings.name}: {error}.", 403)

        response = await self._guarded(request, answer)
        self._attempts.delete_cookie(response)
        return response

    async def end_at_provider(self, request: Request) -> Response:
        """Sends the browser to where its session at the provider ends."""

        async def answer() -> Response:
            url = await self._provider.end_session_url(self._url(request, SIGN_IN_PATH))
            return RedirectResponse(url or SIGN_IN_PATH, 303)

        return await self._guarded(request, answer)

    async def can_end(self) -> bool:
        """Whether the provider has an address where sessions end; False if it does not answer."""
        try:
            return await self._provider.end_session_url("") is not None
        except ProviderFailed:
            return False

    async def _end(self, request: Request) -> Response:
        query = request.query_params
        attempt = self._attempts.take(request)
        if "error" in query:
            raise SignInRefused(KNOWN_ERRORS.get(query["error"], "the provider answered with an error"))
        code = query.get("code", "")
        if not 0 < len(code) <= MAX_CODE:
            raise SignInRefused("the provider sent no code")
        self._context.throttle.check(f"operator from {sender_address(request.scope)}")
        redirect_uri = self._url(request, CALLBACK_PATH)
        claims = await self._provider.exchange(code, query.get("iss"), attempt, redirect_uri)
        identity = identity_of(claims, self._settings)
        now_ms = self._clock.now_ms()
        person = Person(
            name=identity.name,
            sub=identity.sub,
            provider=self._settings.digest,
            role=identity.role,
            expires_ms=now_ms + LIFE_S * 1000,
        )
        operator = await record_person(self._context, person, now_ms)
        response = RedirectResponse(self._inside(attempt.next), 303)
        draft = self._draft(SIGN_IN, request, self._request_id(request), operator)
        details = {"provider": self._settings.issuer, "subject": identity.sub}
        await self._sessions.begin(request, response, operator, draft, details=details)
        return response

    async def _guarded(self, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
        """The answer, or the sign-in page with what went wrong, after a wait if the address has failed too often."""
        try:
            response = await answer()
        except ProviderFailed as error:
            log.write(LogEvent.PROVIDER_FAILED, provider=self._settings.name, reason=error)
            response = self._show_form("", f"Sign-in through {self._settings.name} does not work now: {error}.", 502)
        except Throttled as error:
            response = self._show_form("", sentence(str(error)), 429, {"Retry-After": str(error.retry_after_s)})
        except (RequestRejected, StoreUnavailable) as error:
            shown = page_error(error)
            response = self._show_form("", f"{shown.message} {shown.advice}", shown.status)
        except Exception as error:
            log.write(LogEvent.SIGN_IN_BROKEN, error)
            response = self._show_form("", page_error(error).message, 500)
        if response.status_code >= 400:
            await self._context.throttle.delay_answer(sender_address(request.scope))
        return response

    def _url(self, request: Request, path: str) -> str:
        """The URL of a path of this server, as the browser has called it: the Host was checked before."""
        root = self._context.settings.root_path
        return f"{request.url.scheme}://{request.headers.get('host', '')}{root}{path}"

    def _request_id(self, request: Request) -> str:
        return self._request_ids.choose_text(request.headers.get("x-request-id"))
