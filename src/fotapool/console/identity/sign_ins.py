"""The page of those who are signed in: operators in the console, API users, API clients."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural, with_query
from fotapool.console.identity.access import ROWS
from fotapool.console.identity.sessions import PATH
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role, SignInKind
from fotapool.services.identity import sign_ins

SESSIONS = f"{PATH}/access/sessions"
KIND_LABELS = {
    SignInKind.USER: "API users",
    SignInKind.CLIENT: "API clients",
    SignInKind.CONSOLE: "Operators in the console",
}
_KINDS = {kind.value: kind for kind in SignInKind}


async def show_sessions(call: ConsoleCall) -> Response:
    kind, name, after = call.choice("kind", _KINDS) or SignInKind.USER, call.text("name"), call.text("after")
    found = await sign_ins.list_sign_ins(call.context, kind=kind, name=name, after=after, limit=ROWS + 1)
    query = {"kind": kind.value, "name": name}
    listing = Listing.after(found, ROWS, after, lambda one: one.cursor, query=query)
    return await call.page("identity/access_sessions.html", "Sessions", sessions=listing, labels=KIND_LABELS, kind=kind)


def _given(call: ConsoleCall) -> tuple[SignInKind, str]:
    """The kind of the form, and the page of it. Raises Invalid."""
    kind = _KINDS.get(call.field("kind"))
    if kind is None:
        raise Invalid(f"kind must be one of {', '.join(_KINDS)}")
    return kind, SESSIONS + with_query({"kind": kind.value, "name": call.field("shown")})


async def end_session(call: ConsoleCall) -> Response:
    _, page = _given(call)
    await sign_ins.end_sign_in(call.context, call.field("id"))
    return await call.go(page, "Session ended.")


async def end_sessions(call: ConsoleCall) -> Response:
    kind, page = _given(call)
    ended = await sign_ins.end_sign_ins(call.context, kind, call.field("name"))
    return await call.go(page, f"{plural(ended, 'session')} of {call.field('name')} ended.")


_PATH = "/access/sessions"
PAGES = (
    ConsolePage("GET", _PATH, show_sessions),
    ConsolePage("POST", _PATH + "/end", end_session, role=Role.ADMIN),
    ConsolePage("POST", _PATH + "/end-all", end_sessions, role=Role.ADMIN),
)
