"""Sign-in with an operator key, and sign-out."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fotapool.console.app.forms import read_form
from fotapool.console.app.pages import Console
from fotapool.console.identity.sessions import PATH, same_token
from fotapool.services.identity.operators import identify_operator

EMULATOR_KEY = "operator"
"""The key of an emulator that was started without `--operator-key`; the form shows it."""


class SignIn:
    """The sign-in form and its actions. Forms of other sites are rejected."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def ask(self, request: Request) -> Response:
        """The response of a page to a request without a session: the sign-in form, which returns to the page."""
        if request.method == "GET" and "hx-request" not in request.headers:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{PATH}/sign-in?{urlencode({'next': path})}", 303)
        if "hx-request" not in request.headers:
            return self._form(
                _inside(urlsplit(request.headers.get("referer", "")).path),
                "Your session has ended. Nothing was changed. Sign in and send the form again.",
                401,
            )
        return Response(status_code=401, headers={"HX-Redirect": f"{PATH}/sign-in"})

    async def show(self, request: Request) -> Response:
        """The form, or a redirect if the operator is signed in."""
        if await self._console.sessions.read(request) is not None:
            return RedirectResponse(_inside(request.query_params.get("next", "")), 303)
        return self._form(_inside(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """Starts a session if the key is valid, else shows the form with an error."""
        form = await read_form(request, 0)
        path = _inside(str(form.get("next", "")))
        if _is_foreign(request):
            return self._form(path, "The form came from another site. Sign in here.", 403)
        key = str(form.get("key", "")).strip()
        operator = await identify_operator(self._console.context, key) if 0 < len(key) <= 1000 else None
        if operator is None:
            return self._form(path, "No operator has this key. Check that it was copied completely.", 401)
        response = RedirectResponse(path, 303)
        await self._console.sessions.begin(request, response, operator)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Ends the session."""
        session = await self._console.sessions.read(request)
        form = await read_form(request, 0)
        response = RedirectResponse(f"{PATH}/sign-in", 303)
        if session is not None and same_token(str(form.get("csrf", "")), session.csrf):
            await self._console.sessions.end(request, response)
        return response

    def _form(self, path: str, error: str = "", status: int = 200) -> Response:
        settings = self._console.context.settings
        known_key = EMULATOR_KEY if settings.emulator and settings.operator_key == EMULATOR_KEY else None
        html = self._console.templates.render("identity/sign_in.html", next=path, error=error, known_key=known_key)
        return HTMLResponse(html, status)


def _inside(path: str) -> str:
    """The path if it is a page of the console, else the list of accounts (prevents open redirects)."""
    inside = path.startswith(f"{PATH}/") and "//" not in path and "\\" not in path and path.isprintable()
    return path if inside and not path.startswith(f"{PATH}/sign-in") else f"{PATH}/pools"


def _is_foreign(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://")[-1] != request.headers.get("host", "")
