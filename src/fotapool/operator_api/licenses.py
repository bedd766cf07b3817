"""Operations on an account's ledger and its audit."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.accounts import audits
from fotapool.services.licenses import undo
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, PAGE_BY_NUMBER, device_parameter, id_in_path

CHANGE = id_in_path("change", "change")
ENTRIES_OF = device_parameter("deviceId", "only this device's entries")


class LedgerEntry(msgspec.Struct):
    """`change` is the number of the change that it is part of; those of one request have the same."""

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
    """Read the ledger, of one device or of all."""
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


OPERATIONS = (
    Operation("GET", "/accounts/{name}/ledger", list_ledger, parameters=(ENTRIES_OF, *PAGE_BY_NUMBER)),
    Operation("POST", "/accounts/{name}/ledger/changes/{change}/undo", undo_reduction, parameters=[CHANGE]),
    Operation("GET", "/accounts/{name}/audit", read_audit),
)
