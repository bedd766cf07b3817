"""Operations on faults, which only the emulator has: rules, and the record of their firings."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import NotFound
from fotapool.emulator.fault_schemas import NewFault, add_fault, given_words
from fotapool.emulator.faults import Firing, Rules
from fotapool.emulator.rules import Rule
from fotapool.operator_api.requests import MAX_CURSOR, ControlCall, ControlOperation, Only, answer, no_content

MAX_ID_DIGITS = 18


class FaultView(msgspec.Struct):
    """`matched` counts what the rule is about, `fired` how often it did something."""

    id: int
    match: dict[str, Any]
    action: dict[str, Any]
    matched: int
    fired: int


class FiringView(msgspec.Struct):
    """One time that a rule fired, by the test clock. Of a callback, `requestId` is its `webhook-id`."""

    number: int
    time: str
    fault: int
    requestId: str
    method: str
    path: str
    what: str


class FaultList(msgspec.Struct):
    """The rules in the order in which they are asked, and firings in order; the last 1,000 are kept."""

    faults: list[FaultView]
    firings: list[FiringView]
    hasMoreData: bool


class FaultControl:
    """The operations, on the rules of this process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def create(self, call: ControlCall) -> Response:
        return answer(_view(add_fault(self._rules, await call.body(NewFault))), 201)

    async def list(self, call: ControlCall) -> Response:
        limit, after = call.limit(), call.number("after", 0, 0, MAX_CURSOR)
        firings = self._rules.firings(after, limit + 1)
        views = [_view(rule) for rule in self._rules.rules()]
        return answer(FaultList(views, [_firing(one) for one in firings[:limit]], len(firings) > limit))

    async def read(self, call: ControlCall) -> Response:
        wanted = _fault_id(call)
        for rule in self._rules.rules():
            if rule.id == wanted:
                return answer(_view(rule))
        raise NotFound(f"fault {wanted} does not exist")

    async def delete(self, call: ControlCall) -> Response:
        self._rules.delete(_fault_id(call))
        return no_content()

    async def delete_all(self, call: ControlCall) -> Response:
        self._rules.clear()
        return no_content()

    def operations(self) -> tuple[ControlOperation, ...]:
        return (
            ControlOperation(
                "create_fault", "POST", "/faults", self.create, "Add a fault: a rule and what it does", FaultView,
                201, request=NewFault, only=Only.EMULATE,
            ),
            ControlOperation(
                "list_faults", "GET", "/faults", self.list, "List the faults and their firings", FaultList,
                query=(
                    ("after", "the last number of the page before"),
                    ("limit", "firings of a page, 1 to 1000; 100 by default"),
                ),
                only=Only.EMULATE,
            ),
            ControlOperation(
                "delete_faults", "DELETE", "/faults", self.delete_all,
                "Delete all faults and forget their firings", None, 204, only=Only.EMULATE,
            ),
            ControlOperation(
                "read_fault", "GET", "/faults/{id}", self.read, "Read a fault", FaultView, only=Only.EMULATE
            ),
            ControlOperation(
                "delete_fault", "DELETE", "/faults/{id}", self.delete, "Delete a fault; its firings stay on record",
                None, 204, only=Only.EMULATE,
            ),
        )  # fmt: skip


def _view(rule: Rule) -> FaultView:
    match, action = given_words(rule)
    return FaultView(rule.id, match, action, rule.matched, rule.fired)


def _firing(one: Firing) -> FiringView:
    return FiringView(one.number, time_text(one.at_ms), one.rule_id, one.request_id, one.method, one.path, one.what)


def _fault_id(call: ControlCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        raise NotFound(f"fault {text[:40]} does not exist")
    return int(text)
