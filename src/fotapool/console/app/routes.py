"""The console's table of pages and their routes, with sign-in, roles and errors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.console import billing, callbacks
from fotapool.console.accounts import accounts, pools, subscriptions
from fotapool.console.app.assets import Assets
from fotapool.console.app.errors import PageFault, fault_of
from fotapool.console.app.forms import read_form
from fotapool.console.app.pages import Console, ConsoleCall, ConsolePage
from fotapool.console.app.rendering import Templates
from fotapool.console.campaigns import campaigns, schedule
from fotapool.console.devices import device, devices
from fotapool.console.emulator import clock, faults, requests, simulation, snapshots
from fotapool.console.identity import access, device_keys
from fotapool.console.identity.sessions import PATH, Sessions, same_token
from fotapool.console.identity.sign_in import SignIn
from fotapool.console.licenses import candidates, ledger, licenses
from fotapool.core.clock import SystemClock
from fotapool.emulator.parts import EmulatorParts
from fotapool.services.context import Context
from fotapool.web.endpoint import Endpoint, router
from fotapool.web.http import RequestIds

log = logging.getLogger(__name__)

PAGES: tuple[ConsolePage, ...] = (
    *pools.PAGES,
    *licenses.PAGES,
    *candidates.PAGES,
    *subscriptions.PAGES,
    *accounts.PAGES,
    *devices.PAGES,
    *device.PAGES,
    *schedule.PAGES,
    *campaigns.PAGES,
    *clock.PAGES,
    *faults.PAGES,
    *simulation.PAGES,
    *requests.PAGES,
    *snapshots.PAGES,
    *billing.PAGES,
    *callbacks.PAGES,
    *ledger.PAGES,
    *access.PAGES,
    *device_keys.PAGES,
)
"""What both servers have, and, marked so, what only the emulator has."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self';"
    " base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def console_app(context: Context, request_ids: RequestIds, emulator: EmulatorParts | None) -> ASGIApp:
    """The application at /console and below it."""
    assets = Assets()
    console = Console(context, Templates(assets), Sessions(context, SystemClock()), emulator)
    pages = [page for page in PAGES if emulator is not None or not page.emulator_only]
    app = router(PATH, pages, partial(PageEndpoint, console, request_ids))
    sign_in = SignIn(console)
    app.routes[:0] = [
        Route(PATH, _first_page),
        Route(PATH + "/static/{version}/{name:path}", assets.serve),
        Route(PATH + "/sign-in", sign_in.show, methods=["GET"]),
        Route(PATH + "/sign-in", sign_in.sign_in, methods=["POST"]),
        Route(PATH + "/sign-out", sign_in.sign_out, methods=["POST"]),
    ]
    return WithHeaders(app)


class WithHeaders:
    """Adds the console's headers to every answer that does not have its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _first_page(request: Request) -> Response:
    return RedirectResponse(f"{PATH}/pools", 303)


class PageEndpoint(Endpoint[ConsolePage]):
    """The pages of one path, for operators who are signed in with the role that they need."""

    def __init__(self, console: Console, request_ids: RequestIds, pages: Sequence[ConsolePage]) -> None:
        super().__init__(request_ids, pages)
        self._console = console

    async def respond(self, request: Request, request_id: str) -> Response:
        try:
            session = await self._console.sessions.read(request)
            if session is None:
                return await SignIn(self._console).ask(request)
            page = self.rows.get(request.method)
            form = await read_form(request, self._console.context.settings.max_file_bytes)
            call = ConsoleCall(
                console=self._console, session=session, request=request, request_id=request_id, form=form
            )
        except ClientDisconnect:
            return HTMLResponse("the browser went away", 400)
        except Exception as error:
            fault = self._fault(error, request_id)
            return HTMLResponse(f"{fault.words} {fault.advice}", fault.status)
        try:
            _check(page, bool(self.rows), call)
            assert page is not None
            return await page.handle(call)
        except Exception as error:
            fault = self._fault(error, request_id)
            return await call.page("shared/error.html", fault.title, fault.status, fault=fault, request_id=request_id)
        finally:
            await form.close()

    def _fault(self, error: Exception, request_id: str) -> PageFault:
        fault = fault_of(error)
        if fault.status == 500:
            log.error("request %s failed", request_id, exc_info=error)
        return fault


def _check(page: ConsolePage | None, exists: bool, call: ConsoleCall) -> None:
    """Raises PageFault for a page that does not exist, a role that does not suffice, or a foreign form."""
    if page is None:
        words = "This address takes no such request." if exists else "The console has no such page."
        raise PageFault(405 if exists else 404, "Not found", words, "Begin with the list of pools.")
    if page.method == "POST":
        given = call.field("csrf") or call.request.headers.get("x-csrf-token", "")
        if not same_token(given, call.session.csrf):
            raise PageFault(
                403,
                "The form is out of date",
                "The form belongs to another sign-in; nothing was changed.",
                "Go back, load the page again, and send the form once more.",
            )
    role = call.session.operator.role
    if not role.allows(page.needed_role):
        raise PageFault(
            403,
            "Not allowed",
            f"This needs the role {page.needed_role.value}; you may only {role.value}.",
            "Ask whoever administers the operators for another role.",
        )
