"""The clock page: advance the test clock, list the events on the way, reset to the seed."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural, timestamp
from fotapool.console.emulator.clock_events import ClockEventLine, describe_events
from fotapool.core.durations import parse_duration_ms
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.services.accounts.accounts import name_accounts
from fotapool.worker.clock_jobs import ClockAdvance, check_advance, moved, parse_timestamp_ms
from fotapool.worker.runner import next_due_ms

PATH = "/console/emulator/clock"
PRESETS = (("PT20M", "20 minutes"), ("PT1H", "1 hour"), ("P1D", "1 day"), ("P30D", "30 days"))
ROWS = 100
"""How many events a page lists."""
SHOWN_DEVICES = 3
MAX_WAIT_S = 0.5
"""How long the response waits for the clock advance to end; the page then polls, in seconds."""


async def show_clock(call: ConsoleCall) -> Response:
    return await _page(call)


async def move_clock(call: ConsoleCall) -> Response:
    """Advances by a duration, to a time, or to the next event."""
    emulator = call.emulator
    try:
        timestamp_ms = await _target_ms(call)
        if timestamp_ms is None:
            return await call.go(PATH, "Nothing is due. The clock was not advanced.")
        check_advance(emulator.clock.now_ms(), timestamp_ms)
    except Invalid as error:
        return await _page(call, str(error))
    call.audit.describe(*moved(emulator.clock.now_ms(), timestamp_ms))
    move = await emulator.moves.start(
        call.context,
        clock=emulator.clock,
        timestamp_ms=timestamp_ms,
        deliveries=emulator.deliveries(),
        wait_s=MAX_WAIT_S,
    )
    if not move.ended:
        return await call.go(PATH)
    if move.failed:
        return await call.go(PATH, "The clock advance failed; see the server's log.", "failed")
    events = plural(len(move.events), "event")
    return await call.go(PATH, f"Clock advanced to {timestamp(move.to_ms)}. {events}.")


async def reset(call: ConsoleCall) -> Response:
    """Resets to the seed; needs a ticked checkbox."""
    emulator = call.emulator
    if not call.field("sure"):
        return await _page(call, "tick the box to delete everything since the seed")
    emulator.moves.check_idle()
    await emulator.snapshot_service.reset(emulator.seed(), call.audit)
    emulator.moves.clear()
    return await call.go(PATH, "Emulator reset to the seed.")


async def _target_ms(call: ConsoleCall) -> int | None:
    if call.field("by"):
        return call.emulator.clock.now_ms() + parse_duration_ms("duration", call.field("by"))
    if call.field("to"):
        return parse_timestamp_ms(call.field("to"))
    if call.field("next"):
        return await next_due_ms(call.context, call.emulator.deliveries())
    raise Invalid("choose a duration, a time, or the next event")


async def _page(call: ConsoleCall, wrong: str = "") -> Response:
    emulator = call.emulator
    move = emulator.moves.last
    page = call.number("page", 1, 1, 1_000)
    count = len(move.events) if move is not None and move.ended else 0
    return await call.page(
        "emulator/clock.html",
        "Clock",
        400 if wrong else 200,
        wrong=wrong,
        clock=emulator.clock,
        move=move,
        done=_share_done(move, emulator.clock.now_ms()),
        due_ms=await next_due_ms(call.context, emulator.deliveries()),
        events=await _events(call, move, page),
        total=count,
        page=page,
        pages=max(1, -(-count // ROWS)),
        presets=PRESETS,
        by=call.field("by"),
        to=call.field("to"),
    )


async def _events(call: ConsoleCall, move: ClockAdvance | None, page: int) -> list[ClockEventLine]:
    if move is None or not move.ended:
        return []
    shown = move.events[(page - 1) * ROWS : page * ROWS]
    names = await name_accounts(call.context, {one.account_id for one in shown})
    return describe_events(shown, names, SHOWN_DEVICES)


def _share_done(move: ClockAdvance | None, now_ms: int) -> int:
    """How far the move of the clock has got, in percent."""
    if move is None or move.to_ms <= move.from_ms:
        return 100
    return min(100, max(0, 100 * (now_ms - move.from_ms) // (move.to_ms - move.from_ms)))


PAGES = (
    ConsolePage("GET", "/emulator/clock", show_clock, emulator_only=True),
    ConsolePage("POST", "/emulator/clock", move_clock, emulator_only=True),
    ConsolePage("POST", "/emulator/clock/reset", reset, role=Role.ADMIN, emulator_only=True),
)
