"""The page of an account's simulated devices: their behavior and next check-ins."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.errors import Invalid
from fotapool.domain.names import is_device_id
from fotapool.services.simulation.schedule import LOOKED_AT, list_fleet_schedules, look_at_device

ROWS = 10


async def show_fleets(call: ConsoleCall) -> Response:
    """With `device`, also the check-ins of this device."""
    account = await call.account()
    caller, page = call.caller(account), call.number("page", 1, 1, 100)
    total, fleets = await list_fleet_schedules(call.context, caller, (page - 1) * ROWS, ROWS)
    wanted = call.text("device")
    if wanted and not is_device_id(wanted):
        raise Invalid(f"device must be an IMEI of 15 digits, not {wanted[:40]!r}")
    device = await look_at_device(call.context, caller, int(wanted)) if wanted else None
    return await call.page(
        "emulator/simulation.html",
        "Simulated devices",
        account=account,
        total=total,
        fleets=fleets,
        page=page,
        pages=max(1, -(-total // ROWS)),
        wanted=wanted,
        device=device,
        looked_at=LOOKED_AT,
    )


PAGES = (ConsolePage("GET", "/accounts/{account}/fleet", show_fleets, emulator_only=True),)
