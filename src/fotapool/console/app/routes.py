"""The console's table of pages and their routes, with sign-in, roles and errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.console import audit_log, callbacks, system
from fotapool.console.accounts import (
    accounts,
    alerts,
    closing,
    overview,
    pools,
    retention,
    scheduled_changes,
    search,
    subscriptions,
)
from fotapool.console.app.assets import Assets
from fotapool.console.app.errors import PageError, page_error
from fotapool.console.app.forms import read_form
from fotapool.console.app.pages import Console, ConsoleCall, ConsolePage
from fotapool.console.app.rendering import Templates
from fotapool.console.billing import all_statements, reconciliation, statements
from fotapool.console.campaigns import all_campaigns, campaigns, schedule
from fotapool.console.devices import departures, device, devices
from fotapool.console.emulator import clock, faults, requests, simulation, snapshots
from fotapool.console.identity import access, device_keys, sign_ins, users
from fotapool.console.identity.sessions import PATH, Sessions
from fotapool.console.identity.sign_in import SignIn
from fotapool.console.licenses import candidates, ledger, licenses
from fotapool.console.packages import files, packages
from fotapool.core.clock import SystemClock
from fotapool.core.logs.context import note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.emulator.parts import EmulatorParts
from fotapool.services.audit_log.drafts import NOT_AUDITED, Via
from fotapool.services.audit_log.entries import finish
from fotapool.services.context import Context
from fotapool.web.audited import draft_of
from fotapool.web.endpoint import Endpoint, router
from fotapool.web.html_headers import html_headers
from fotapool.web.http import RequestIds

log = Log(__name__)

PAGES: tuple[ConsolePage, ...] = (
    *overview.PAGES,
    *pools.PAGES,
    *search.PAGES,
    *licenses.PAGES,
    *candidates.PAGES,
    *subscriptions.PAGES,
    *scheduled_changes.PAGES,
    *accounts.PAGES,
    *closing.PAGES,
    *devices.PAGES,
    *device.PAGES,
    *packages.PAGES,
    *files.PAGES,
    *departures.PAGES,
    *schedule.PAGES,
    *campaigns.PAGES,
    *all_campaigns.PAGES,
    *clock.PAGES,
    *faults.PAGES,
    *simulation.PAGES,
    *requests.PAGES,
    *snapshots.PAGES,
    *statements.PAGES,
    *all_statements.PAGES,
    *reconciliation.PAGES,
    *callbacks.PAGES,
    *ledger.PAGES,
    *access.PAGES,
    *users.PAGES,
    *sign_ins.PAGES,
    *device_keys.PAGES,
    *audit_log.PAGES,
    *retention.PAGES,
    *system.PAGES,
    *alerts.PAGES,
)
"""All pages; those with `emulator_only` exist only in the emulator."""

HEADERS = html_headers()


def console_app(context: Context, request_ids: RequestIds, emulator: EmulatorParts | None) -> ASGIApp:
    """The application at /console and below it."""
    assets = Assets()
    pages = [page for page in PAGES if emulator is not None or not page.emulator_only]
    templates = Templates(assets, context.settings.root_path, {page.path for page in pages})
    console = Console(context, templates, Sessions(context, SystemClock()), emulator)
    app = router(PATH, pages, partial(PageEndpoint, console, request_ids))
    app.routes[:0] = [
        Route(PATH, _first_page),
        Route(PATH + "/static/{version}/{name:path}", assets.serve),
        *SignIn(console, request_ids).routes(),
    ]
    return WithHeaders(app)


class WithHeaders:
    """Sets the console's default headers on each response."""

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
    return RedirectResponse(f"{PATH}/overview", 303)


class PageEndpoint(Endpoint[ConsolePage]):
    """The pages of one path, for operators who are signed in with the role that they need."""

    api = "console"

    def __init__(self, console: Console, request_ids: RequestIds, pages: Sequence[ConsolePage]) -> None:
        super().__init__(request_ids, pages)
        self._console = console

    async def respond(self, request: Request, request_id: str) -> Response:
        audit = NOT_AUDITED
        try:
            session = await self._console.sessions.read(request)
            if session is None:
                return await SignIn(self._console, self._request_ids).ask(request)
            note_sender(session.operator.name)
            page = self.rows.get(request.method)
            if page is not None:
                audit = draft_of(
                    page, request=request, request_id=request_id, operator=session.operator, via=Via.CONSOLE
                )
            call = ConsoleCall(
                console=self._console,
                session=session,
                request=request,
                request_id=request_id,
                form=FormData(),
                audit=audit,
            )
        except Exception as error:  # without a session there is no page to show it on
            shown = _page_error(error, request_id)
            audit.reason = shown.message
            await finish(self._console.context, audit, shown.status)
            return HTMLResponse(f"{shown.message} {shown.advice}", shown.status)
        try:
            response = await self._handle(page, call)
            await finish(self._console.context, audit, response.status_code)
            return response
        except ClientDisconnect:
            return HTMLResponse("client disconnected", 400)
        finally:
            await call.form.close()

    async def _handle(self, page: ConsolePage | None, call: ConsoleCall) -> Response:
        try:
            call.form = await read_form(call.request, self._console.context.settings.max_file_bytes)
            _check(page, bool(self.rows), call)
            assert page is not None
            await call.load_account()
            return await page.handle(call)
        except ClientDisconnect:
            raise
        except Exception as error:
            shown = _page_error(error, call.request_id)
            values = {"error": shown, "request_id": call.request_id}
            return await call.page("shared/error.html", shown.title, shown.status, **values)


def _page_error(error: Exception, request_id: str) -> PageError:
    shown = page_error(error)
    if shown.status == 500:
        log.write(LogEvent.REQUEST_FAILED, error, request_id=request_id)
    return shown


def _check(page: ConsolePage | None, exists: bool, call: ConsoleCall) -> None:
    """Raises PageError: 404 and 405 for an unknown page, 403 for a wrong CSRF token or an insufficient role."""
    if page is None:
        status, message = (405, "This page does not accept this method.") if exists else (404, "No such page.")
        raise PageError(status, "Not found", message, "Check the address, or start from the list of accounts.")
    if page.method == "POST":
        given = call.field("csrf") or call.request.headers.get("x-csrf-token", "")
        if not call.session.accepts_csrf(given):
            message = "The form belongs to another session. Nothing was changed."
            raise PageError(403, "Form expired", message, "Go back, reload the page and send the form again.")
    role = call.session.operator.role
    if not role.allows(page.needed_role):
        message = f"This requires the role {page.needed_role.value}; your role is {role.value}."
        raise PageError(403, "Not allowed", message, "Ask an admin for an operator key with this role.")
