"""The page of the emulator's clock: what is due next, moving forward, what happened on the way, and the reset."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import moment, plural
from fotapool.console.emulator.clock_events import ClockEventLine, tell
from fotapool.core.durations import parse_duration_ms
from fotapool.domain.errors import Invalid
from fotapool.services.accounts.accounts import name_accounts
from fotapool.worker.clock_jobs import ClockAdvance, check_advance, parse_timestamp_ms
from fotapool.worker.runner import next_due_ms

PATH = "/console/emulator/clock"
PRESETS = (("PT20M", "20 minutes"), ("PT1H", "1 hour"), ("P1D", "1 day"), ("P30D", "30 days"))
ROWS = 100
"""How many lines of what happened a page has."""
SHOWN_DEVICES = 3
PATIENCE_S = 0.5
"""How long the answer to a move waits for its end; a longer one is watched on the page."""


async def show_clock(call: ConsoleCall) -> Response:
    return await _page(call)


async def move_clock(call: ConsoleCall) -> Response:
    """Forward by a duration, to a moment, or to the next thing due."""
    emulator = call.emulator
    try:
        timestamp_ms = await _wanted_moment(call)
        if timestamp_ms is None:
            return await call.go(PATH, "Nothing falls due: the clock stays where it is.")
        check_advance(emulator.clock.now_ms(), timestamp_ms)
    except Invalid as error:
        return await _page(call, str(error))
    move = await emulator.moves.start(
        call.context,
        clock=emulator.clock,
        timestamp_ms=timestamp_ms,
        deliveries=emulator.deliveries(),
        wait_s=PATIENCE_S,
    )
    if not move.ended:
        return await call.go(PATH)
    if move.failed:
        return await call.go(PATH, "The move failed on its way; the server's log says why.", "failed")
    count = len(move.events)
    what = f"{plural(count, 'thing')} happened." if count else "Nothing fell due."
    return await call.go(PATH, f"It is {moment(move.to_ms)} now. {what}")


async def reset(call: ConsoleCall) -> Response:
    """Back to the seed; a checkbox has to say so."""
    emulator = call.emulator
    if not call.field("sure"):
        return await _page(call, "tick the box that everything since the seed may go")
    emulator.moves.check_idle()
    await emulator.snapshot_service.reset(emulator.seed())
    emulator.moves.clear()
    return await call.go(PATH, "Everything is as the seed says again, and the clock is back.")


async def _wanted_moment(call: ConsoleCall) -> int | None:
    if call.field("by"):
        return call.emulator.clock.now_ms() + parse_duration_ms("duration", call.field("by"))
    if call.field("to"):
        return parse_timestamp_ms(call.field("to"))
    if call.field("next"):
        return await next_due_ms(call.context, call.emulator.deliveries())
    raise Invalid("say how far: a duration, a moment, or the next thing due")


async def _page(call: ConsoleCall, wrong: str = "") -> Response:
    emulator = call.emulator
    move = emulator.moves.last
    page = call.number("page", 1, 1, 1_000)
    happened = move.events if move is not None and move.ended else []
    return await call.page(
        "emulator/clock.html",
        "Clock",
        400 if wrong else 200,
        wrong=wrong,
        clock=emulator.clock,
        move=move,
        done=_share_done(move, emulator.clock.now_ms()),
        due_ms=await next_due_ms(call.context, emulator.deliveries()),
        happenings=await _happenings(call, move, page),
        total=len(happened),
        page=page,
        pages=max(1, -(-len(happened) // ROWS)),
        presets=PRESETS,
        by=call.field("by"),
        to=call.field("to"),
    )


async def _happenings(call: ConsoleCall, move: ClockAdvance | None, page: int) -> list[ClockEventLine]:
    if move is None or not move.ended:
        return []
    shown = move.events[(page - 1) * ROWS : page * ROWS]
    names = await name_accounts(call.context, {one.account_id for one in shown})
    return tell(shown, names, SHOWN_DEVICES)


def _share_done(move: ClockAdvance | None, now_ms: int) -> int:
    """Percent of the way."""
    if move is None or move.to_ms <= move.from_ms:
        return 100
    return min(100, max(0, 100 * (now_ms - move.from_ms) // (move.to_ms - move.from_ms)))


PAGES = (
    ConsolePage("GET", "/emulator/clock", show_clock, emulator_only=True),
    ConsolePage("POST", "/emulator/clock", move_clock, emulator_only=True),
    ConsolePage("POST", "/emulator/clock/reset", reset, emulator_only=True),
)
