"""Operations on an account's ledger and its audit."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import format_device_id
from fotapool.operator_api.accounts.accounts import NUMBERED, parse_device
from fotapool.operator_api.requests import MAX_CURSOR, OperatorCall, OperatorOperation, answer
from fotapool.services.accounts import audits


class LedgerEntry(msgspec.Struct):
    number: int
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


class CheckView(msgspec.Struct):
    name: str
    says: str
    ok: bool
    found: str


class Audit(msgspec.Struct):
    consistent: bool
    checks: list[CheckView]


async def list_ledger(call: OperatorCall) -> Response:
    text = call.request.query_params.get("deviceId")
    device = None if text is None else parse_device(text)
    limit = call.limit()
    after = call.number("after", 0, 0, MAX_CURSOR)
    rows = await audits.list_ledger(
        call.context, caller=await call.caller(), device=device, after=after, limit=limit + 1
    )
    return answer(Ledger([_entry(*row) for row in rows[:limit]], len(rows) > limit))


def _entry(
    number: int, at_ms: int, actor: str, request_id: str, verb: str, detail: str, imei: int, kind: int, used_after: int
) -> LedgerEntry:
    entry = EntryKind(kind)
    return LedgerEntry(
        number=number,
        time=time_text(at_ms),
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


async def read_audit(call: OperatorCall) -> Response:
    checks = await audits.audit_account(call.context, call.request.path_params["name"])
    views = [CheckView(check.name, check.says, check.ok, check.found) for check in checks]
    return answer(Audit(all(check.ok for check in checks), views))


OPERATIONS = (
    OperatorOperation(
        name="list_ledger",
        method="GET",
        path="/accounts/{name}/ledger",
        handle=list_ledger,
        summary="Read the ledger, of one device or of all",
        response=Ledger,
        query=(("deviceId", "only this device's entries"), *NUMBERED),
    ),
    OperatorOperation(
        name="read_audit",
        method="GET",
        path="/accounts/{name}/audit",
        handle=read_audit,
        summary="Recompute every invariant from the rows",
        response=Audit,
    ),
)
