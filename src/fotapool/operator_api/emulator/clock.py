"""Operations on the test clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from starlette.responses import Response

from fotapool.core.clock import MovableClock
from fotapool.core.durations import DURATION_PATTERN, parse_duration_ms
from fotapool.core.timestamps import time_text
from fotapool.domain.errors import Invalid
from fotapool.operator_api.requests import Only, OperatorCall, OperatorOperation, answer
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.clock_jobs import check_advance, parse_timestamp_ms
from fotapool.worker.runner import ClockEvent, advance, next_due_ms


class MoveClock(msgspec.Struct, forbid_unknown_fields=True):
    """One of the three: by a duration (ISO 8601), to a moment (RFC 3339), or to the next thing due."""

    json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1, "maxProperties": 1}

    advance: (
        Annotated[str, msgspec.Meta(extra_json_schema={"pattern": DURATION_PATTERN}, examples=["PT20M"])]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    to: (
        Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2026-12-01T00:00:00Z"])]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    next: Annotated[bool, msgspec.Meta(extra_json_schema={"const": True})] | msgspec.UnsetType = msgspec.UNSET


class ClockEventView(msgspec.Struct):
    """One thing that happened: to how many devices, the first hundred of them, and of which campaign."""

    time: str
    what: str
    count: int
    devices: list[str]
    campaign: str | None


class ClockView(msgspec.Struct):
    """`aheadSeconds`: of real time or, if the clock is frozen, of the time that the emulator was started with."""

    now: str
    aheadSeconds: float
    frozen: bool
    nextDue: str | None
    happened: list[ClockEventView]


class ClockControl:
    """The operations, which need the movable clock, and the deliveries that follow it."""

    def __init__(self, clock: MovableClock, deliveries: Callable[[], Deliveries | None]) -> None:
        self._clock = clock
        self._deliveries = deliveries

    async def read_clock(self, call: OperatorCall) -> Response:
        return answer(await self._view(call, []))

    async def move_clock(self, call: OperatorCall) -> Response:
        given = await call.body(MoveClock)
        timestamp_ms = await self._moment(call, given)
        if timestamp_ms is None:
            return answer(await self._view(call, []))
        check_advance(self._clock.now_ms(), timestamp_ms)
        return answer(
            await self._view(call, await advance(call.context, self._clock, timestamp_ms, self._deliveries()))
        )

    async def _moment(self, call: OperatorCall, given: MoveClock) -> int | None:
        if [given.advance, given.to, given.next].count(msgspec.UNSET) != 2 or given.next is False:
            raise Invalid('the body must have one of advance ("PT20M"), to ("2026-12-01T00:00:00Z") or next (true)')
        if given.advance is not msgspec.UNSET:
            return self._clock.now_ms() + parse_duration_ms("advance", given.advance)
        if given.to is not msgspec.UNSET:
            return parse_timestamp_ms(given.to)
        return await next_due_ms(call.context, self._deliveries())

    async def _view(self, call: OperatorCall, happened: list[ClockEvent]) -> ClockView:
        due_ms = await next_due_ms(call.context, self._deliveries())
        views = [
            ClockEventView(
                time=time_text(one.at_ms), what=one.what, count=one.count, devices=one.devices, campaign=one.campaign
            )
            for one in happened
        ]
        return ClockView(
            now=time_text(self._clock.now_ms()),
            aheadSeconds=self._clock.offset_ms / 1000,
            frozen=self._clock.is_frozen,
            nextDue=time_text(due_ms) if due_ms else None,
            happened=views,
        )

    def operations(self) -> tuple[OperatorOperation, ...]:
        return (
            OperatorOperation(
                name="read_clock",
                method="GET",
                path="/clock",
                handle=self.read_clock,
                summary="Read the test clock",
                response=ClockView,
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="move_clock",
                method="POST",
                path="/clock",
                handle=self.move_clock,
                summary="Move the test clock forward; answers when all that fell due is done",
                response=ClockView,
                request=MoveClock,
                only=Only.EMULATE,
            ),
        )
