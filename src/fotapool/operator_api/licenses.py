"""Operations on an account's ledger and its audit."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.accounts import audits
from fotapool.services.licenses import ledger_views, undo
from fotapool.store.licenses.ledger_views import LedgerFilter
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    AFTER_NUMBER,
    NEWEST,
    PAGE_BY_NUMBER,
    Parameter,
    device_parameter,
    id_in_path,
    text_parameter,
    time_parameter,
)

CHANGE = id_in_path("change", "change")
ENTRIES_OF = device_parameter("deviceId", "only this device's entries")
OF_REQUEST = text_parameter("requestId", "only what this request did, newest first")
SINCE = time_parameter("since", "from this time on, newest first")
UNTIL = time_parameter("until", "before this time, newest first")
_FILTERS: tuple[Parameter[Any], ...] = (OF_REQUEST, SINCE, UNTIL)


class LedgerEntry(msgspec.Struct):
    """`change` is the number of the change that the entry belongs to. All entries of a request have the same number."""

    number: int
    change: int
    time: str
    actor: str
    requestId: str
    deviceId: str
    what: str
    why: str
    request: str
    detail: dict[str, Any]
    usedBefore: int
    usedAfter: int


class Ledger(msgspec.Struct):
    entries: list[LedgerEntry]
    hasMoreData: bool


class UndoneReduction(msgspec.Struct):
    """`change` is the change that gave the licenses back, `undone` the one that had taken them."""

    change: int
    undone: int
    restored: list[str]
    licenseUsedCount: int


class CheckView(msgspec.Struct):
    name: str
    says: str
    ok: bool
    found: str


class Audit(msgspec.Struct):
    consistent: bool
    checks: list[CheckView]


async def list_ledger(call: OperatorCall) -> Ledger:
    """Read the ledger, of one device or of all, oldest first, or newest first with filters."""
    if call.get(NEWEST):
        return await _list_newest(call)
    if any(call.find(one) is not None for one in _FILTERS):
        raise Invalid(f"{', '.join(one.name for one in _FILTERS)} need newest=true")
    rows, more = call.page(
        await audits.list_ledger(
            call.context,
            caller=await call.caller(),
            device=call.find(ENTRIES_OF),
            after=call.get(AFTER_NUMBER),
            limit=call.read_limit,
        )
    )
    return Ledger([_entry(*row) for row in rows], more)


async def _list_newest(call: OperatorCall) -> Ledger:
    since_ms, until_ms = call.period(SINCE, UNTIL)
    wanted = LedgerFilter(
        device=call.find(ENTRIES_OF),
        request_id=call.find(OF_REQUEST) or "",
        since_ms=since_ms,
        until_ms=until_ms,
    )
    found = await ledger_views.find_latest_entries(
        call.context,
        caller=await call.caller(),
        wanted=wanted,
        before=call.get(AFTER_NUMBER) or None,
        limit=call.read_limit,
    )
    rows, more = call.page(found)
    return Ledger(
        [_entry(row.number, *row.change, imei=row.imei, kind=row.kind, used_after=row.used_after) for row in rows], more
    )


def _entry(
    number: int,
    change: int,
    at_ms: int,
    actor: str,
    request_id: str,
    verb: str,
    detail: str,
    imei: int,
    kind: int,
    used_after: int,
) -> LedgerEntry:
    entry = EntryKind(kind)
    return LedgerEntry(
        number=number,
        change=change,
        time=format_timestamp(at_ms),
        actor=actor,
        requestId=request_id,
        deviceId=format_device_id(imei),
        what=entry.what,
        why=entry.why,
        request=verb,
        detail=json.loads(detail),
        usedBefore=used_after - entry.delta,
        usedAfter=used_after,
    )


async def undo_reduction(call: OperatorCall) -> UndoneReduction:
    """Give back the licenses that a reduction took, with their old assignment times.

    Takes free licenses; the subscription, the candidates and canceled upgrades stay as they are. 409 if it was undone
    before, too few licenses are free, or a device has got a license since.
    """
    done = await undo.undo_reduction(call.context, await call.caller(), call.get(CHANGE))
    return UndoneReduction(
        change=done.change,
        undone=done.undone,
        restored=[format_device_id(device) for device in done.devices],
        licenseUsedCount=done.used,
    )


async def read_audit(call: OperatorCall) -> Audit:
    """Recompute every invariant from the rows."""
    checks = await audits.audit_account(call.context, call.account_name)
    views = [CheckView(check.name, check.says, check.ok, check.found) for check in checks]
    return Audit(all(check.ok for check in checks), views)


_PARAMETERS: tuple[Parameter[Any], ...] = (ENTRIES_OF, NEWEST, *_FILTERS, *PAGE_BY_NUMBER)
OPERATIONS = (
    Operation("GET", "/accounts/{name}/ledger", list_ledger, parameters=_PARAMETERS),
    Operation("POST", "/accounts/{name}/ledger/changes/{change}/undo", undo_reduction, parameters=[CHANGE]),
    Operation("GET", "/accounts/{name}/audit", read_audit),
)
