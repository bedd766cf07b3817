"""The ledger of an account by license (its entries) and by request (its changes), with filters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.responses import Response

from fotapool.console.app.downloads import Rows, csv_stream
from fotapool.console.app.listing import Listing, Row
from fotapool.console.app.pages import MAX_CURSOR, ConsoleCall, ConsolePage, whole_number
from fotapool.console.app.rendering import plural
from fotapool.console.licenses import ledger_labels
from fotapool.console.licenses.ledger_labels import KINDS, assigned_before, change_label, reason_label, request_label
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.devices.spelling import plain_number
from fotapool.domain.errors import Invalid
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.licenses import ledger_views, undo
from fotapool.store.licenses.ledger_views import EntryRow, LedgerFilter

ROWS = 50
FIELDS = ("device", "what", "who", "request", "since", "until")


def _filter(call: ConsoleCall) -> LedgerFilter:
    """The filter of the query. Raises Invalid that names the field."""
    device, kinds = plain_number(call.text("device")), call.choice("what", KINDS)
    if device and not is_device_id(device):
        raise Invalid(f"device must be an IMEI of 15 digits, not {device[:40]!r}")
    since_ms, until_ms = call.period()
    return LedgerFilter(
        device=int(device) if device else None,
        kinds=kinds[1] if kinds else (),
        actor=call.text("who"),
        request_id=call.text("request"),
        since_ms=since_ms,
        until_ms=until_ms,
    )


async def show_ledger(call: ConsoleCall) -> Response:
    entries, next_cursor = await ledger_views.list_latest_entries(
        call.context, caller=call.caller(), wanted=_filter(call), before=call.cursor(), limit=ROWS
    )
    return await _page(
        call,
        template="licenses/ledger.html",
        title="Ledger",
        rows=entries,
        next_cursor=next_cursor,
        changes=sorted({entry.change.number for entry in entries}),
    )


async def show_changes(call: ConsoleCall) -> Response:
    changes, next_cursor = await ledger_views.list_latest_changes(
        call.context, caller=call.caller(), wanted=_filter(call), before=call.cursor(), limit=ROWS
    )
    return await _page(
        call,
        template="licenses/ledger_changes.html",
        title="Ledger by request",
        rows=changes,
        next_cursor=next_cursor,
        changes=[change.number for change in changes],
    )


async def undo_reduction(call: ConsoleCall) -> Response:
    number = whole_number("the change", call.request.path_params["number"], 1, MAX_CURSOR)
    done = await undo.undo_reduction(call.context, call.caller(), number)
    text = f"Change {done.undone} undone: {plural(len(done.devices), 'license')} restored."
    return await call.go(call.path("ledger", "changes"), text)


async def _page(
    call: ConsoleCall,
    template: str,
    title: str,
    rows: Sequence[Row],
    next_cursor: int | None,
    changes: Sequence[int],
) -> Response:
    found = Listing(
        rows,
        cursor=call.cursor(),
        next_cursor=next_cursor,
        query={name: call.text(name) for name in FIELDS},
        searched=ledger_views.SCAN_LIMIT,
    )
    return await call.page(
        template,
        title,
        found=found,
        labels=ledger_labels,
        max_exported=ledger_views.MAX_EXPORTED,
        undoable=await undo.count_undoable(call.context, call.account, changes),
    )


async def send_ledger(call: ConsoleCall) -> Response:
    wanted = _filter(call)

    async def batches() -> AsyncIterator[Rows]:
        async for entries in ledger_views.stream_entries(call.context, call.caller(), wanted):
            yield [_row(entry) for entry in entries]

    header = ("number", "time", "who", "requestId", "deviceId", "what", "why", "operation", "usedBefore", "usedAfter")
    return csv_stream(f"ledger-{call.account.name}.csv", header, batches())


def _row(entry: EntryRow) -> tuple[object, ...]:
    change = entry.change
    return (
        entry.number,
        format_timestamp(change.at_ms),
        change.actor,
        change.request_id,
        format_device_id(entry.imei),
        change_label(entry.kind),
        reason_label(entry.kind, change),
        request_label(change),
        assigned_before(entry),
        entry.used_after,
    )


_PATH = "/accounts/{account}/ledger"
PAGES = (
    ConsolePage("GET", _PATH, show_ledger),
    ConsolePage("GET", _PATH + "/changes", show_changes),
    ConsolePage("POST", _PATH + "/changes/{number}/undo", undo_reduction),
    ConsolePage("GET", _PATH + "/entries.csv", send_ledger),
)
