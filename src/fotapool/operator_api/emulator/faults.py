"""Operations on faults, which only the emulator has: rules and their hits."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.records import from_attributes
from fotapool.emulator.faults import FaultHit
from fotapool.emulator.rules import FaultAction, FaultMatch, FaultRule, NewFault
from fotapool.operator_api.calls import OperatorCall
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NUMBER, LIMIT, id_in_path

FAULT_ID = id_in_path("id", "fault")


class FaultView(msgspec.Struct, rename={"matches": "matched", "hits": "fired"}):
    """`matched` counts the requests or deliveries that the rule matched, `fired` its hits."""

    id: int
    match: FaultMatch
    action: FaultAction
    matches: int
    hits: int


class FaultHitView(msgspec.Struct):
    """A hit of a rule, with the time of the test clock. For a callback, `requestId` is its `webhook-id`."""

    number: int
    time: str
    fault: int
    requestId: str
    method: str
    path: str
    what: str


class FaultList(msgspec.Struct, rename={"hits": "firings"}):
    """The rules in the order in which they are tried, and the last 1,000 hits in order."""

    faults: list[FaultView]
    hits: list[FaultHitView]
    hasMoreData: bool


async def create_fault(call: OperatorCall, given: NewFault) -> FaultView:
    """Add a fault: a rule and what it does."""
    rule = call.emulator.features.rules.add(given)
    call.context.audit.about("fault", str(rule.id))
    call.context.audit.describe(after=rule.document)
    return _view(rule)


async def list_faults(call: OperatorCall) -> FaultList:
    """List the faults and their hits."""
    rules = call.emulator.features.rules
    hits, more = call.page(rules.hits(call.get(AFTER_NUMBER), call.read_limit))
    return FaultList([_view(rule) for rule in rules.rules()], [_hit(one) for one in hits], more)


async def delete_faults(call: OperatorCall) -> None:
    """Delete all faults and their hits."""
    rules = call.emulator.features.rules
    call.context.audit.describe({"faults": len(rules)})
    rules.clear()


async def read_fault(call: OperatorCall) -> FaultView:
    """Read a fault."""
    return _view(call.emulator.features.rules.find(call.get(FAULT_ID)))


async def delete_fault(call: OperatorCall) -> None:
    """Delete a fault; its hits stay on record."""
    rules, fault_id = call.emulator.features.rules, call.get(FAULT_ID)
    call.context.audit.describe(rules.find(fault_id).document)
    rules.delete(fault_id)


def _view(rule: FaultRule) -> FaultView:
    return from_attributes(FaultView, rule)


def _hit(one: FaultHit) -> FaultHitView:
    return from_attributes(FaultHitView, one, time=format_timestamp(one.at_ms), fault=one.rule_id)


HITS = replace(LIMIT, description="hits of a page, 1 to 1000; 100 by default")
OPERATIONS = (
    Operation("POST", "/faults", create_fault, status=201),
    Operation("GET", "/faults", list_faults, parameters=(AFTER_NUMBER, HITS)),
    Operation("DELETE", "/faults", delete_faults),
    Operation("GET", "/faults/{id}", read_fault, parameters=[FAULT_ID]),
    Operation("DELETE", "/faults/{id}", delete_fault, parameters=[FAULT_ID]),
)
