"""Deleting devices, moving them to another account, erasing their personal data: one device, or a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import number, plural
from fotapool.console.devices.device import device_of
from fotapool.console.licenses.licenses import read_list
from fotapool.domain.devices.departures import Rejection
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.services.devices.departures import DEPARTURE_BATCH, Departures, departures_to, remove_one
from fotapool.services.devices.device_runs import DeviceRun, listed_lines
from fotapool.services.devices.erasures import ERASURE_BATCH, Erasures, erase_one
from fotapool.services.devices.imports import Interrupted

MAX_LISTED = 100_000
"""Maximum number of devices of a list in the console, whose form is answered when all are done."""
REJECTIONS_SHOWN = 100


async def delete_device(call: ConsoleCall) -> Response:
    await remove_one(Departures(call.context, call.caller()), device_of(call))
    return await call.go(call.path("devices"), f"Device {call.request.path_params['device']} deleted.")


async def move_device(call: ConsoleCall) -> Response:
    departures = await departures_to(call.context, call.caller(), call.field("to"))
    await remove_one(departures, device_of(call))
    text = f"Device {call.request.path_params['device']} moved to account {call.field('to')}."
    return await call.go(call.path("devices"), text)


async def show_lists(call: ConsoleCall, problem: str = "", status: int = 200) -> Response:
    return await call.page(
        "devices/device_lists.html",
        "Change devices by list",
        status,
        problem=problem,
        typed={name: call.field(name) for name in ("action", "to", "list")},
        max_listed=MAX_LISTED,
    )


async def delete_list(call: ConsoleCall) -> Response:
    return await _remove_list(call, Departures(call.context, call.caller()), "deleted")


async def move_list(call: ConsoleCall) -> Response:
    try:
        departures = await departures_to(call.context, call.caller(), call.field("to"))
    except (Invalid, NotFound, Conflict) as error:
        return await show_lists(call, str(error), 409 if isinstance(error, Conflict) else 400)
    return await _remove_list(call, departures, f"moved to account {call.field('to')}")


async def _remove_list(call: ConsoleCall, departures: Departures, done: str) -> Response:
    async def handle(devices: Sequence[int]) -> Mapping[int, Rejection]:
        return (await departures.remove(devices)).rejections

    run = await run_list(call, DeviceRun(handle, DEPARTURE_BATCH))
    if isinstance(run, Response):
        return run
    licenses = f"{number(departures.licenses_removed)} removed, {number(departures.licenses_kept)} stay counted"
    return await show_result(call, run, f"{plural(run.done, 'device')} {done}. Licenses: {licenses}.")


async def erase_device(call: ConsoleCall) -> Response:
    erasures = Erasures(call.context, call.caller())
    await erase_one(erasures, device_of(call))
    return await call.go(call.path("devices", call.request.path_params["device"]), _erased(erasures))


async def erase_list(call: ConsoleCall) -> Response:
    erasures = Erasures(call.context, call.caller())
    run = await run_list(call, DeviceRun(erasures.erase, ERASURE_BATCH))
    return run if isinstance(run, Response) else await show_result(call, run, _erased(erasures))


def _erased(erasures: Erasures) -> str:
    """What was erased, as a sentence."""
    erased = erasures.erased
    return (
        f"Erased of {plural(erasures.done, 'device')}: {plural(erased.mdns, 'MDN')}, {number(erased.logs)} log entries,"
        f" {plural(erased.failure_messages, 'failure message')},"
        f" {plural(erased.list_lines, 'skipped line')} of bulk lists."
    )


async def run_list(call: ConsoleCall, run: DeviceRun) -> DeviceRun | Response:
    """Handles the devices of the form, or answers the form with what is wrong with it."""
    if call.field("confirm") != call.account.name:
        return await show_lists(call, "Nothing was changed: type the account's name to confirm.", 400)
    try:
        found = await read_list(call, call.field("list"))
        if found.failed.count:
            first = found.failed.lines[0]
            raise Invalid(f"{found.failed.count} values are no IMEIs, the first in line {first.line}: {first.reason}")
        if len(found.devices) > MAX_LISTED:
            raise Invalid(f"the list has more than {MAX_LISTED} devices: use the command line or split it")
    except Invalid as error:
        return await show_lists(call, f"Nothing was changed: {error}.", 400)
    try:
        await run.run_lines(listed_lines(found.devices))
    except Interrupted as interrupted:
        raise interrupted.error from interrupted
    return run


async def show_result(call: ConsoleCall, run: DeviceRun, text: str) -> Response:
    """What has become of a list."""
    if not run.refused:
        return await call.go(call.path("devices"), text)
    return await call.page(
        "devices/device_list_result.html", "Change devices by list", run=run, text=text, shown=REJECTIONS_SHOWN
    )


_PATH = "/accounts/{account}"
PAGES = (
    ConsolePage("POST", _PATH + "/devices/{device}/delete", delete_device),
    ConsolePage("POST", _PATH + "/devices/{device}/move", move_device),
    ConsolePage("GET", _PATH + "/device-lists", show_lists),
    ConsolePage("POST", _PATH + "/device-lists/delete", delete_list, action="deleteDevices"),
    ConsolePage("POST", _PATH + "/device-lists/move", move_list, action="moveDevices"),
    ConsolePage("POST", _PATH + "/devices/{device}/erase", erase_device),
    ConsolePage("POST", _PATH + "/device-lists/erase", erase_list, action="eraseDevices"),
)
