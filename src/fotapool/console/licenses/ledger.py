"""An account's ledger: every entry with who, when and why; every change; filters and an export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.app.streams import Rows, csv_stream
from fotapool.console.licenses.ledger_labels import KINDS, campaign_of, did, what, why
from fotapool.core.timestamps import DAY_MS, date_ms, time_text
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.licenses import ledger_views
from fotapool.store.licenses.ledger_views import EntryRow, LedgerFilter

ROWS = 50
MAX_NUMBER = 2**62
FIELDS = ("device", "what", "who", "request", "since", "until")


def _filter(call: ConsoleCall) -> tuple[dict[str, str], LedgerFilter]:
    """The filter as it was typed, and what it means. Raises Invalid that names the field."""
    query = {name: call.text(name) for name in FIELDS}
    if query["device"] and not is_device_id(query["device"]):
        raise Invalid(f"device must be an IMEI of 15 digits, not {query['device'][:40]}")
    if query["what"] and query["what"] not in KINDS:
        raise Invalid(f"what must be one of {', '.join(KINDS)}")
    since_ms, until_ms = (_day_ms(name, query[name]) for name in ("since", "until"))
    return query, LedgerFilter(
        device=int(query["device"]) if query["device"] else None,
        kinds=KINDS[query["what"]][1] if query["what"] else (),
        actor=query["who"],
        request_id=query["request"],
        since_ms=since_ms,
        until_ms=None if until_ms is None else until_ms + DAY_MS,
    )


def _day_ms(name: str, text: str) -> int | None:
    """The first moment of a day in UTC."""
    if not text:
        return None
    try:
        return date_ms(date.fromisoformat(text))
    except ValueError as error:
        raise Invalid(f"{name} must be a date as in 2026-03-01, not {text[:40]!r}") from error


def _words(call: ConsoleCall) -> dict[str, Any]:
    return {
        "kinds": KINDS,
        "what": what,
        "why": why,
        "did": did,
        "campaign_of": campaign_of,
        "delta": lambda kind: EntryKind(kind).delta,
        "looked": ledger_views.SCAN_LIMIT,
        "exported": ledger_views.MAX_EXPORTED,
    }


async def show_ledger(call: ConsoleCall) -> Response:
    account = await call.account()
    query, wanted = _filter(call)
    before = call.number("before", 0, 0, MAX_NUMBER) or None
    entries, go_on = await ledger_views.list_latest_entries(
        call.context, caller=call.caller(account), wanted=wanted, before=before, limit=ROWS
    )
    return await call.page(
        "licenses/ledger.html",
        "Ledger",
        account=account,
        query=query,
        entries=entries,
        go_on=go_on,
        before=before,
        here=account_path(account.name, "ledger"),
        **_words(call),
    )


async def show_changes(call: ConsoleCall) -> Response:
    account = await call.account()
    query, wanted = _filter(call)
    before = call.number("before", 0, 0, MAX_NUMBER) or None
    changes, go_on = await ledger_views.list_latest_changes(
        call.context, caller=call.caller(account), wanted=wanted, before=before, limit=ROWS
    )
    return await call.page(
        "licenses/ledger_changes.html",
        "Ledger: changes",
        account=account,
        query=query,
        changes=changes,
        go_on=go_on,
        before=before,
        here=account_path(account.name, "ledger"),
        **_words(call),
    )


async def send_ledger(call: ConsoleCall) -> Response:
    account = await call.account()
    _, wanted = _filter(call)

    async def batches() -> AsyncIterator[Rows]:
        async for entries in ledger_views.stream_entries(call.context, call.caller(account), wanted):
            yield [_row(entry) for entry in entries]

    header = ("number", "time", "who", "requestId", "deviceId", "what", "why", "operation", "usedBefore", "usedAfter")
    return csv_stream(f"ledger-{account.name}.csv", header, batches())


def _row(entry: EntryRow) -> tuple[object, ...]:
    change = entry.change
    return (
        entry.number,
        time_text(change.at_ms),
        change.actor,
        change.request_id,
        format_device_id(entry.imei),
        what(entry.kind),
        why(entry.kind, change),
        did(change),
        entry.used_after - EntryKind(entry.kind).delta,
        entry.used_after,
    )


_PATH = "/accounts/{account}/ledger"
PAGES = (
    ConsolePage("GET", _PATH, show_ledger),
    ConsolePage("GET", _PATH + "/changes", show_changes),
    ConsolePage("GET", _PATH + "/entries.csv", send_ledger),
)
