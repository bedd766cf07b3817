"""The cancellation candidates of an account: their order, by drag or keyboard; and who would go at a given total."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.app.rendering import plural
from fotapool.console.app.streams import Rows, csv_stream
from fotapool.console.licenses.licenses import read_list
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
from fotapool.services.licenses.candidate_views import CANDIDATES_SHOWN, Arrange, ListOutdated, Unaffected
from fotapool.store.accounts.accounts import Account

GOING_SHOWN = 100
"""How many devices are shown of those that would lose their license."""
LINES_A_BATCH = 10_000
MAX_PAGE = MAX_CANDIDATES // CANDIDATES_SHOWN


async def show_candidates(call: ConsoleCall) -> Response:
    return await _page(call, await call.account())


async def _page(call: ConsoleCall, account: Account, problem: str = "", text: str = "", status: int = 200) -> Response:
    number = call.number("page", 1, 1, MAX_PAGE)
    shown = await candidate_views.show_candidates(call.context, account, (number - 1) * CANDIDATES_SHOWN)
    total = call.text("total")
    going = await _going(call, account, total) if total else None
    return await call.page(
        "licenses/candidates.html",
        "Candidates",
        status,
        account=account,
        shown=shown,
        number=number,
        total=total,
        pages=max(1, -(-shown.count // CANDIDATES_SHOWN)),
        going=going,
        problem=problem,
        text=text,
        noticed=LicenseState.NOTICE,
        max_candidates=MAX_CANDIDATES,
        max_licenses=MAX_LICENSES,
        assigned=await _assigned(call, account, going),
        at_most=GOING_SHOWN,
    )


async def _going(call: ConsoleCall, account: Account, total: str) -> SubscriptionChange:
    wanted = call.number("total", 0, 0, MAX_LICENSES)
    return await preview_change(
        call.context, caller=call.caller(account), total=wanted, purchase_type=None, limit=GOING_SHOWN
    )


async def _assigned(call: ConsoleCall, account: Account, going: SubscriptionChange | None) -> dict[int, int]:
    devices = [entry.device for entry in going.decision.entries] if going else []
    return await candidate_views.read_assigned_times(call.context, account, devices)


async def change_order(call: ConsoleCall) -> Response:
    """One button's move or removal, or the order of the whole page."""
    action, _, device = call.field("act").partition(" ")
    if action == "order":
        return await _arrange(call, _reordering(call), "The order is saved.")
    if not is_device_id(device):
        raise Invalid("the form names no device")
    if action == "remove":
        words = f"{device} is not on the list any more."
        return await _arrange(call, lambda current: without_candidate(current, int(device)), words)
    try:
        move = CandidateMove(action)
    except ValueError as error:
        raise Invalid("the form names no move") from error
    words = f"{device} was moved {'to the ' if move in (CandidateMove.TOP, CandidateMove.BOTTOM) else ''}{move.value}."
    return await _arrange(call, lambda current: move_candidate(current, int(device), move), words)


def _reordering(call: ConsoleCall) -> Arrange:
    given = call.field("order").split()
    if not all(map(is_device_id, given)):
        raise Invalid("the order is not a list of IMEIs")
    devices = list(map(int, given))
    first = _first(call)
    return lambda current: reorder_candidates(current, first, CANDIDATES_SHOWN, devices)


def _first(call: ConsoleCall) -> int:
    return (call.number("page", 1, 1, MAX_PAGE) - 1) * CANDIDATES_SHOWN


async def _arrange(call: ConsoleCall, arrange: Arrange, words: str) -> Response:
    account = await call.account()
    mark = call.field("mark")
    try:
        await candidate_views.arrange_candidates(
            call.context, caller=call.caller(account), arrange=arrange, first=_first(call), mark=mark
        )
    except ListOutdated:
        return await _outdated(call, account)
    number = call.number("page", 1, 1, MAX_PAGE)
    query = f"?page={number}" if number > 1 else ""
    return await call.go(account_path(account.name, "candidates") + query, words)


async def _outdated(call: ConsoleCall, account: Account, text: str = "") -> Response:
    problem = "Somebody else has changed the list since it was shown to you. Nothing was changed now; this is the list."
    return await _page(call, account=account, problem=problem, text=text, status=409)


async def change_list(call: ConsoleCall) -> Response:
    """Appends devices, or makes them the list."""
    account = await call.account()
    text, how = call.field("list"), call.field("how")
    if how not in ("append", "replace"):
        raise Invalid("choose whether to append or to replace")
    try:
        lines = await read_list(call, text)
        arrange = (candidate_views.appending if how == "append" else candidate_views.replacing)(lines.devices)
        await candidate_views.arrange_candidates(
            call.context, caller=call.caller(account), arrange=arrange, first=_first(call), mark=call.field("mark")
        )
    except ListOutdated:
        return await _outdated(call, account, text)
    except Invalid as error:
        return await _page(
            call, account=account, problem=f"{str(error)[:1].upper()}{str(error)[1:]}.", text=text, status=400
        )
    unaffected = await candidate_views.read_unaffected(call.context, account, lines.devices)
    words = [
        f"The list was {'extended by' if how == 'append' else 'replaced by'} {plural(len(lines.devices), 'device')}."
    ]
    words += _warnings(unaffected)
    if lines.left_out:
        first = lines.left_out[0]
        words.append(f"{plural(len(lines.left_out), 'line')} left out, the first: line {first.line}, {first.reason}.")
    kind = "warn" if len(words) > 1 else "done"
    return await call.go(account_path(account.name, "candidates"), " ".join(words), kind)


def _warnings(unaffected: Unaffected) -> list[str]:
    """Devices that the list takes as the API does, and that lose nothing by it."""
    words = []
    if unaffected.unknown:
        words.append(f"{plural(unaffected.unknown, 'is no device', 'are no devices')} of the account.")
    if unaffected.unlicensed:
        words.append(f"{plural(unaffected.unlicensed, 'has', 'have')} no license to lose.")
    if unaffected.noticed:
        words.append(f"{plural(unaffected.noticed, 'is', 'are')} under notice already.")
    return words


async def empty_list(call: ConsoleCall) -> Response:
    return await _arrange(call, candidate_views.replacing([]), "The list is empty.")


async def list_file(call: ConsoleCall) -> Response:
    """The whole list, which the form takes back."""
    account = await call.account()

    async def batches() -> AsyncIterator[Rows]:
        devices = await candidate_views.list_all(call.context, account)
        for first in range(0, len(devices), LINES_A_BATCH):
            some = enumerate(devices[first : first + LINES_A_BATCH], start=first + 1)
            yield [(place, format_device_id(device)) for place, device in some]

    return csv_stream(f"candidates-{account.name}.csv", ["place", "deviceId"], batches())


PAGES = (
    ConsolePage("GET", "/accounts/{account}/candidates", show_candidates),
    ConsolePage("GET", "/accounts/{account}/candidates/list.csv", list_file),
    ConsolePage("POST", "/accounts/{account}/candidates", change_list),
    ConsolePage("POST", "/accounts/{account}/candidates/order", change_order),
    ConsolePage("POST", "/accounts/{account}/candidates/empty", empty_list),
)
