"""Operations on fault rules and their hits; of the emulator only."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import NotFound
from fotapool.emulator.faults import FaultHit, Rules
from fotapool.emulator.rules import FaultAction, FaultMatch, FaultRule, NewFault
from fotapool.operator_api.requests import MAX_CURSOR, Only, OperatorCall, OperatorOperation, answer, no_content

MAX_ID_DIGITS = 18


class FaultView(msgspec.Struct, rename={"matches": "matched", "hits": "fired"}):
    """`matched` counts what the rule matched, `fired` how often it took effect."""

    id: int
    match: FaultMatch
    action: FaultAction
    matches: int
    hits: int


class FaultHitView(msgspec.Struct):
    """One time that a rule took effect; `time` by the test clock. Of a callback, `requestId` is its `webhook-id`."""

    number: int
    time: str
    fault: int
    requestId: str
    method: str
    path: str
    what: str


class FaultList(msgspec.Struct, rename={"hits": "firings"}):
    """The rules in the order in which they apply, and their hits in ascending order; the last 1,000 are stored."""

    faults: list[FaultView]
    hits: list[FaultHitView]
    hasMoreData: bool


class FaultControl:
    """The operations, on the rules of this process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def create(self, call: OperatorCall) -> Response:
        return answer(_view(self._rules.add(await call.body(NewFault))), 201)

    async def list(self, call: OperatorCall) -> Response:
        limit, after = call.limit(), call.number("after", 0, 0, MAX_CURSOR)
        hits = self._rules.hits(after, limit + 1)
        views = [_view(rule) for rule in self._rules.rules()]
        return answer(FaultList(views, [_hit_view(one) for one in hits[:limit]], len(hits) > limit))

    async def read(self, call: OperatorCall) -> Response:
        return answer(_view(self._rules.find(_fault_id(call))))

    async def delete(self, call: OperatorCall) -> Response:
        self._rules.delete(_fault_id(call))
        return no_content()

    async def delete_all(self, call: OperatorCall) -> Response:
        self._rules.clear()
        return no_content()

    def operations(self) -> tuple[OperatorOperation, ...]:
        return (
            OperatorOperation(
                name="create_fault",
                method="POST",
                path="/faults",
                handle=self.create,
                summary="Add a fault: a rule and what it does",
                response=FaultView,
                status=201,
                request=NewFault,
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="list_faults",
                method="GET",
                path="/faults",
                handle=self.list,
                summary="List the faults and their hits",
                response=FaultList,
                query=(
                    ("after", "the last number of the page before"),
                    ("limit", "hits of a page, 1 to 1000; 100 by default"),
                ),
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="delete_faults",
                method="DELETE",
                path="/faults",
                handle=self.delete_all,
                summary="Delete all faults and their hits",
                response=None,
                status=204,
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="read_fault",
                method="GET",
                path="/faults/{id}",
                handle=self.read,
                summary="Read a fault",
                response=FaultView,
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="delete_fault",
                method="DELETE",
                path="/faults/{id}",
                handle=self.delete,
                summary="Delete a fault, but not its hits",
                response=None,
                status=204,
                only=Only.EMULATE,
            ),
        )


def _view(rule: FaultRule) -> FaultView:
    return FaultView(id=rule.id, match=rule.match, action=rule.action, matches=rule.matches, hits=rule.hits)


def _hit_view(one: FaultHit) -> FaultHitView:
    return FaultHitView(
        number=one.number,
        time=time_text(one.at_ms),
        fault=one.rule_id,
        requestId=one.request_id,
        method=one.method,
        path=one.path,
        what=one.what,
    )


def _fault_id(call: OperatorCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        raise NotFound(f"fault {text[:40]} does not exist")
    return int(text)
