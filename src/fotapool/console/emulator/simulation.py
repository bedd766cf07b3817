"""The page of an account's simulated devices: their behavior and next check-ins."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.devices.spelling import plain_number
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.services.simulation.schedule import MAX_COMPUTED, get_device_schedule, list_fleet_schedules

ROWS = 10


async def show_fleets(call: ConsoleCall) -> Response:
    """With `device`, also the check-ins of this device."""
    caller, page = call.caller(), call.number("page", 1, 1, 100)
    total, fleets = await list_fleet_schedules(call.context, caller, (page - 1) * ROWS, ROWS)
    wanted = plain_number(call.text("device"))
    if wanted and not is_device_id(wanted):
        raise Invalid(f"device must be an IMEI of 15 digits, not {wanted[:40]!r}")
    device = await get_device_schedule(call.context, caller, int(wanted)) if wanted else None
    return await call.page(
        "emulator/simulation.html",
        "Simulated devices",
        total=total,
        fleets=fleets,
        page=page,
        pages=max(1, -(-total // ROWS)),
        wanted=wanted,
        device=device,
        looked_at=MAX_COMPUTED,
    )


PAGES = (ConsolePage("GET", "/accounts/{account}/fleet", show_fleets, emulator_only=True),)
