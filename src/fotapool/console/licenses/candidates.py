"""The removal candidates of an account: the list and its order, and a preview of the removal order at a given total."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import Response

from fotapool.console.app.downloads import Rows, csv_stream, in_batches
from fotapool.console.app.errors import sentence
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural
from fotapool.console.licenses.ledger_labels import change_label
from fotapool.console.licenses.licenses import read_list
from fotapool.core.csv_export import csv_lines
from fotapool.domain.accounts.subscriptions import MAX_LICENSES, SubscriptionChange
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.candidates import (
    MAX_CANDIDATES,
    CandidateMove,
    move_candidate,
    reorder_candidates,
    without_candidate,
)
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.accounts.subscriptions import preview_change
from fotapool.services.licenses import candidate_views
from fotapool.services.licenses.candidate_views import CANDIDATES_SHOWN, Arrange, ListOutdated

REMOVALS_SHOWN = 100
"""Maximum number of devices in the preview of the removal order."""
FAILED_SHOWN = 100
LINES_A_BATCH = 10_000
MAX_PAGE = MAX_CANDIDATES // CANDIDATES_SHOWN


async def show_candidates(call: ConsoleCall, problem: str = "", text: str = "", status: int = 200) -> Response:
    candidates = await candidate_views.show_candidates(call.context, call.account, _first(call))
    preview = await _preview(call) if call.text("total") else None
    affected = [entry.device for entry in preview.decision.entries] if preview else []
    return await call.page(
        "licenses/candidates.html",
        "Removal candidates",
        status,
        candidates=candidates,
        page=_page_number(call),
        pages=max(1, -(-candidates.count // CANDIDATES_SHOWN)),
        total=call.text("total"),
        preview=preview,
        assigned=await candidate_views.read_assigned_times(call.context, call.account, affected),
        change_label=change_label,
        removals_shown=REMOVALS_SHOWN,
        problem=problem,
        text=text,
        pending_removal=LicenseState.NOTICE,
        max_candidates=MAX_CANDIDATES,
    )


def _page_number(call: ConsoleCall) -> int:
    return call.number("page", 1, 1, MAX_PAGE)


def _first(call: ConsoleCall) -> int:
    """The position of the page's first candidate, from 0."""
    return (_page_number(call) - 1) * CANDIDATES_SHOWN


async def _preview(call: ConsoleCall) -> SubscriptionChange:
    total = call.number("total", 0, 0, MAX_LICENSES)
    return await preview_change(
        call.context, caller=call.caller(), total=total, purchase_type=None, limit=REMOVALS_SHOWN
    )


async def change_order(call: ConsoleCall) -> Response:
    """Moves or removes one device, or saves the order of the page."""
    action, _, device = call.field("act").partition(" ")
    if action == "order":
        return await _arrange(call, _reordering(call), "Order saved.")
    if not is_device_id(device):
        raise Invalid("the form names no device")
    if action == "remove":
        return await _arrange(call, lambda current: without_candidate(current, int(device)), f"{device} removed.")
    try:
        move = CandidateMove(action)
    except ValueError as error:
        raise Invalid("the form names no move") from error
    text = f"{device} moved {'to the ' if move in (CandidateMove.TOP, CandidateMove.BOTTOM) else ''}{move.value}."
    return await _arrange(call, lambda current: move_candidate(current, int(device), move), text)


def _reordering(call: ConsoleCall) -> Arrange:
    given = call.field("order").split()
    if not all(map(is_device_id, given)):
        raise Invalid("the order is not a list of IMEIs")
    devices, first = list(map(int, given)), _first(call)
    return lambda current: reorder_candidates(current, first, CANDIDATES_SHOWN, devices)


async def _apply(call: ConsoleCall, arrange: Arrange) -> None:
    """Changes the list as it was shown. Raises ListOutdated, Invalid, Conflict."""
    await candidate_views.arrange_candidates(
        call.context, caller=call.caller(), arrange=arrange, first=_first(call), mark=call.field("mark")
    )


async def _arrange(call: ConsoleCall, arrange: Arrange, text: str) -> Response:
    try:
        await _apply(call, arrange)
    except ListOutdated:
        return await _outdated(call)
    page = _page_number(call)
    return await call.go(call.path("candidates") + (f"?page={page}" if page > 1 else ""), text)


async def _outdated(call: ConsoleCall, text: str = "") -> Response:
    problem = "The list was changed by someone else. Nothing was changed. This is the current list."
    return await show_candidates(call, problem, text, status=409)


async def change_list(call: ConsoleCall) -> Response:
    """Adds devices to the list, or replaces it."""
    text, mode = call.field("list"), call.field("how")
    if mode not in ("append", "replace"):
        raise Invalid("choose whether to append or to replace")
    try:
        found = await read_list(call, text)
        devices = list(map(int, found.devices))
        arranging = candidate_views.appending if mode == "append" else candidate_views.replacing
        await _apply(call, arranging(devices))
    except ListOutdated:
        return await _outdated(call, text)
    except Invalid as error:
        return await show_candidates(call, sentence(str(error)), text, status=400)
    unaffected = await candidate_views.read_unaffected(call.context, call.account, devices)
    warnings = [
        f"{plural(count, *texts)}."
        for count, *texts in (
            (unaffected.unknown, "is not a device of the account", "are not devices of the account"),
            (unaffected.unlicensed, "has no license", "have no license"),
            (unaffected.noticed, "is already pending removal", "are already pending removal"),
        )
        if count
    ]
    if found.repeated:
        first = found.repeated[0]
        again = plural(found.repeated_count, "device is", "devices are")
        warnings.append(
            f"{again} in the list again, the first: {first.device} in lines {first.first_line} and {first.line}."
        )
    warnings += found.notes
    done = f"{plural(len(devices), 'device')} added." if mode == "append" else "List replaced."
    if found.failed.count:
        return await call.page(
            "licenses/candidates_changed.html",
            "Removal candidates",
            done=done,
            warnings=warnings,
            failed=found.failed,
            csv=csv_lines(found.failed.rows()).decode(),
            shown=FAILED_SHOWN,
        )
    kind = "warn" if warnings else "done"
    return await call.go(call.path("candidates"), " ".join([done, *warnings]), kind)


async def empty_list(call: ConsoleCall) -> Response:
    return await _arrange(call, candidate_views.replacing([]), "List cleared.")


async def list_file(call: ConsoleCall) -> Response:
    """The whole list as CSV; the form accepts the file."""

    async def batches() -> AsyncIterator[Rows]:
        devices = await candidate_views.list_all(call.context, call.account)
        for batch in in_batches(enumerate(devices, start=1), LINES_A_BATCH):
            yield [(place, format_device_id(device)) for place, device in batch]

    return csv_stream(f"candidates-{call.account.name}.csv", ["place", "deviceId"], batches())


PAGES = (
    ConsolePage("GET", "/accounts/{account}/candidates", show_candidates),
    ConsolePage("GET", "/accounts/{account}/candidates/list.csv", list_file),
    ConsolePage("POST", "/accounts/{account}/candidates", change_list, action="changeCandidates"),
    ConsolePage("POST", "/accounts/{account}/candidates/order", change_order, action="changeCandidates"),
    ConsolePage("POST", "/accounts/{account}/candidates/empty", empty_list, action="changeCandidates"),
)
