"""The request inspector's pages: the latest requests, and one request with hints, as a command and as a test."""

from __future__ import annotations

from typing import Any

from starlette.responses import PlainTextResponse, Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural
from fotapool.domain.errors import NotFound
from fotapool.emulator.exchanges import Exchange, Headers, Wanted
from fotapool.emulator.reproduce import FORMS, as_curl, as_pytest

PATH = "/console/emulator/requests"
ROWS = 50
MAX_NUMBER = 2**53
SHOWN_CHARACTERS = 16_000
"""How much of a body the page shows; the command and the test have all that was captured."""
REFUSED = "refused"


async def show_requests(call: ConsoleCall) -> Response:
    """Newest first; `before` is the last number of the previous page."""
    query = {"account": call.text("account"), "path": call.text("path"), "status": call.text("status")}
    refused = query["status"] == REFUSED
    status = call.number("status", 0, 100, 599) if query["status"] and not refused else None
    before = call.number("before", MAX_NUMBER, 1, MAX_NUMBER)
    exchanges = call.emulator.features.exchanges
    wanted = Wanted(account=query["account"] or None, path=query["path"], status=status, refused=refused)
    found = exchanges.before(before, ROWS + 1, wanted)
    shown = found[:ROWS]
    return await call.page(
        "emulator/requests.html",
        "Requests",
        query=query,
        rows=[await _row(call, one) for one in shown],
        following=shown[-1].number if len(found) > ROWS else None,
        is_first=before == MAX_NUMBER,
        stored=call.context.settings.inspector_requests,
    )


async def _row(call: ConsoleCall, one: Exchange) -> dict[str, Any]:
    return {"one": one, "hints": [] if one.succeeded else await call.emulator.features.hints.find(one)}


async def show_request(call: ConsoleCall) -> Response:
    one = _chosen(call)
    return await call.page(
        "emulator/request.html",
        f"Request {one.number}",
        one=one,
        hints=await call.emulator.features.hints.find(one),
        headers=_text(one.headers),
        answer_headers=_text(one.answer_headers),
        body=one.body_text,
        answer=one.answer_text,
        shown=SHOWN_CHARACTERS,
        curl=as_curl(one),
        test=as_pytest(one),
    )


async def download_request(call: ConsoleCall) -> Response:
    """The command or the test as a file."""
    form = FORMS.get(call.request.path_params["form"])
    if form is None:
        raise NotFound(f"a request can be downloaded as {' or '.join(FORMS)}")
    one = _chosen(call)
    name = f"test_request_{one.number}.py" if form is as_pytest else f"request_{one.number}.sh"
    return PlainTextResponse(form(one), headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def clear_requests(call: ConsoleCall) -> Response:
    count = len(call.emulator.features.exchanges)
    call.audit.describe({"requests": count})
    call.emulator.features.exchanges.clear()
    return await call.go(PATH, f"{plural(count, 'request')} deleted.")


def _chosen(call: ConsoleCall) -> Exchange:
    """The exchange in the path. Raises NotFound."""
    text: str = call.request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise NotFound(f"request {text[:40]} does not exist")
    return call.emulator.features.exchanges.find(int(text))


def _text(headers: Headers) -> str:
    return "".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}\n" for name, value in headers)


PAGES = (
    ConsolePage("GET", "/emulator/requests", show_requests, emulator_only=True),
    ConsolePage("GET", "/emulator/requests/{number}", show_request, emulator_only=True),
    ConsolePage("GET", "/emulator/requests/{number}/{form}", download_request, emulator_only=True),
    ConsolePage("POST", "/emulator/requests", clear_requests, emulator_only=True),
)
