"""Sign-in with an operator key, the way to sign-in through an OpenID provider, and sign-out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from fotapool.console.app.errors import page_error, sentence
from fotapool.console.app.forms import read_form
from fotapool.console.app.pages import Console
from fotapool.console.identity.sessions import PATH
from fotapool.core.clock import SystemClock
from fotapool.core.throttle import Throttled
from fotapool.domain.errors import RequestRejected
from fotapool.services.audit_log.drafts import AuditDraft, Via
from fotapool.services.audit_log.entries import SIGN_IN
from fotapool.services.identity.oidc.people import find_person
from fotapool.services.identity.oidc.providers import oidc_settings
from fotapool.services.identity.operators import identify_operator
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.identity.operators import Operator
from fotapool.web.http import RequestIds, sender_address

if TYPE_CHECKING:
    from fotapool.console.identity.oidc.sign_in import ProviderSignIn

EMULATOR_KEY = "operator"
"""The key of an emulator that was started without `--operator-key`; the form shows it."""
MAX_KEY = 1000
SIGNED_OUT = "signed-out"
"""The query of the sign-in page after a sign-out that did not end the session at the provider."""
MAX_SIGN_IN_BYTES = 8 * 1024
"""Maximum size of the form, which is read before anybody is signed in."""


class SignIn:
    """The sign-in form and its actions. Forms of other sites are rejected."""

    def __init__(self, console: Console, request_ids: RequestIds) -> None:
        self._console = console
        self._request_ids = request_ids
        self._oidc = oidc_settings(console.context.settings)
        self._provider: ProviderSignIn | None = None

    def routes(self) -> list[Route]:
        """The pages of sign-in and sign-out, with those of the provider if the settings name one."""
        routes = [
            Route(f"{PATH}/sign-in", self.show, methods=["GET"]),
            Route(f"{PATH}/sign-in", self.sign_in, methods=["POST"]),
            Route(f"{PATH}/sign-out", self.sign_out, methods=["POST"]),
        ]
        if self._oidc is None:
            return routes
        from fotapool.console.identity.oidc.sign_in import ProviderSignIn  # imported here: it needs fotapool[oidc]

        self._provider = ProviderSignIn(
            self._console.context,
            self._console.sessions,
            self._request_ids,
            settings=self._oidc,
            real_clock=SystemClock(),
            show_form=self._form,
            inside=_inside,
            draft=_draft,
        )
        return [*self._provider.routes(), *routes]

    async def ask(self, request: Request) -> Response:
        """The response of a page to a request without a session: the sign-in form, which returns to the page."""
        if request.method == "GET" and "hx-request" not in request.headers:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{PATH}/sign-in?{urlencode({'next': path})}", 303)
        if "hx-request" not in request.headers:
            return self._form(
                _inside(_referring_path(request).removeprefix(self._console.context.settings.root_path)),
                "Your session has ended. Nothing was changed. Sign in and send the form again.",
                401,
            )
        return Response(status_code=401, headers={"HX-Redirect": f"{PATH}/sign-in"})

    async def show(self, request: Request) -> Response:
        """The form, or a redirect if the operator is signed in."""
        if await self._console.sessions.read(request) is not None:
            return RedirectResponse(_inside(request.query_params.get("next", "")), 303)
        return self._form(_inside(request.query_params.get("next", "")), can_end=SIGNED_OUT in request.query_params)

    async def sign_in(self, request: Request) -> Response:
        """Starts a session if the key is valid, else shows the form with an error."""
        response = await self._answer(request)
        if response.status_code >= 400:
            await self._console.context.throttle.delay_answer(sender_address(request.scope))
        return response

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._sign_in(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Throttled as error:
            return self._form("", sentence(str(error)), 429, {"Retry-After": str(error.retry_after_s)})
        except (RequestRejected, StoreUnavailable) as error:
            shown = page_error(error)
            return self._form("", f"{shown.message} {shown.advice}", shown.status)

    async def _sign_in(self, request: Request) -> Response:
        form = await read_form(request, 0, MAX_SIGN_IN_BYTES)
        path = _inside(str(form.get("next", "")))
        if _is_foreign(request):
            return self._form(path, "The form came from another site. Sign in here.", 403)
        key, context = str(form.get("key", "")).strip(), self._console.context
        request_id = self._request_ids.choose_text(request.headers.get("x-request-id"))
        operator = await identify_operator(
            context,
            key if 0 < len(key) <= MAX_KEY else None,
            via=Via.CONSOLE,
            address=sender_address(request.scope),
            request_id=request_id,
        )
        if operator is None:
            return self._form(path, "No operator has this key. Check that it was copied completely.", 401)
        response = RedirectResponse(path, 303)
        await self._console.sessions.begin(request, response, operator, _draft(SIGN_IN, request, request_id, operator))
        return response

    async def sign_out(self, request: Request) -> Response:
        """Ends the session."""
        response = RedirectResponse(f"{PATH}/sign-in", 303)
        try:
            session = await self._console.sessions.read(request)
            form = await read_form(request, 0, MAX_SIGN_IN_BYTES)
            if session is not None and session.accepts_csrf(str(form.get("csrf", ""))):
                request_id = self._request_ids.choose_text(request.headers.get("x-request-id"))
                draft = _draft("signOut", request, request_id, session.operator)
                await self._console.sessions.end(request, response, draft)
                response.headers["location"] += await self._query_after(session.operator)
        except ClientDisconnect:
            return Response(status_code=400)
        except (RequestRejected, StoreUnavailable) as error:
            shown = page_error(error)
            return self._form("", f"{shown.message} {shown.advice}", shown.status)
        return response

    async def _query_after(self, operator: Operator) -> str:
        """The query of the page after sign-out: for a person whose session at the provider can be ended, too."""
        if self._provider is None or await find_person(self._console.context, operator.name) is None:
            return ""
        return f"?{SIGNED_OUT}" if await self._provider.can_end() else ""

    def _form(
        self,
        path: str,
        error: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        can_end: bool = False,
    ) -> Response:
        settings = self._console.context.settings
        known_key = EMULATOR_KEY if settings.emulator and settings.operator_key == EMULATOR_KEY else None
        values = {"next": path, "error": error, "known_key": known_key, "can_end": can_end}
        provider = None if self._oidc is None else self._oidc.name
        html = self._console.templates.render("identity/sign_in.html", **values, provider=provider)
        return HTMLResponse(html, status, headers)


def _draft(action: str, request: Request, request_id: str, operator: Operator) -> AuditDraft:
    return AuditDraft(
        operator=operator.name,
        role=operator.role.value,
        via=Via.CONSOLE,
        address=sender_address(request.scope),
        request_id=request_id,
        action=action,
        target_kind="operator",
        target=operator.name,
    )


def _inside(path: str) -> str:
    """The path if it is a page of the console, else the list of accounts (prevents open redirects)."""
    inside = path.startswith(f"{PATH}/") and "//" not in path and "\\" not in path and path.isprintable()
    return path if inside and not path.startswith(f"{PATH}/sign-in") else f"{PATH}/overview"


def _referring_path(request: Request) -> str:
    """The path of the page that the request came from; empty if it is unknown."""
    try:
        return urlsplit(request.headers.get("referer", "")).path
    except ValueError:
        return ""


def _is_foreign(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://")[-1] != request.headers.get("host", "")
