"""Operations on the test clock."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from fotapool.core.durations import DURATION_PATTERN, parse_duration_ms
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Invalid
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall
from fotapool.web.operations import Operation
from fotapool.worker.clock_jobs import check_advance, moved, parse_timestamp_ms
from fotapool.worker.runner import ClockEvent, advance, next_due_ms


class MoveClock(msgspec.Struct, forbid_unknown_fields=True):
    """One of the three: by a duration (ISO 8601), to a timestamp (RFC 3339), or to the next due event."""

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
    """An event: how many devices it concerns, the first hundred of them, and its campaign."""

    time: str
    what: str
    count: int
    devices: list[str]
    campaign: str | None


class ClockView(msgspec.Struct, rename={"events": "happened"}):
    """`aheadSeconds` is relative to real time or, if the clock is frozen, to the emulator's start time."""

    now: str
    aheadSeconds: float
    frozen: bool
    nextDue: str | None
    events: list[ClockEventView]


async def read_clock(call: OperatorCall) -> ClockView:
    """Read the test clock."""
    return await _view(call, [])


async def move_clock(call: OperatorCall, given: MoveClock) -> ClockView:
    """Move the test clock forward; answers when all that fell due is done."""
    clock, deliveries = call.emulator.clock, call.emulator.deliveries()
    timestamp_ms = await _target_ms(call, given)
    if timestamp_ms is None:
        return await _view(call, [])
    check_advance(clock.now_ms(), timestamp_ms)
    call.context.audit.describe(*moved(clock.now_ms(), timestamp_ms))
    return await _view(call, await advance(call.context, clock, timestamp_ms, deliveries))


async def _target_ms(call: OperatorCall, given: MoveClock) -> int | None:
    if [given.advance, given.to, given.next].count(msgspec.UNSET) != 2 or given.next is False:
        raise Invalid('the body must have one of advance ("PT20M"), to ("2026-12-01T00:00:00Z") or next (true)')
    if given.advance is not msgspec.UNSET:
        return call.emulator.clock.now_ms() + parse_duration_ms("advance", given.advance)
    if given.to is not msgspec.UNSET:
        return parse_timestamp_ms(given.to)
    return await next_due_ms(call.context, call.emulator.deliveries())


async def _view(call: OperatorCall, events: list[ClockEvent]) -> ClockView:
    clock = call.emulator.clock
    due_ms = await next_due_ms(call.context, call.emulator.deliveries())
    return ClockView(
        now=format_timestamp(clock.now_ms()),
        aheadSeconds=clock.offset_ms / 1000,
        frozen=clock.is_frozen,
        nextDue=format_timestamp(due_ms) if due_ms else None,
        events=[from_attributes(ClockEventView, one, time=format_timestamp(one.at_ms)) for one in events],
    )


OPERATIONS = (Operation("GET", "/clock", read_clock), Operation("POST", "/clock", move_clock))
