"""The keys that the devices of an account authenticate with."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.identity.access import old_key_text, show_secret, typed
from fotapool.core.durations import parse_duration_ms
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.domain.names import is_device_id
from fotapool.services.identity import device_keys

ROWS = 50


async def show_keys(call: ConsoleCall, error: str = "") -> Response:
    after = call.text("after")
    keys = await device_keys.list_device_keys(call.context, call.caller(), after, ROWS + 1)
    return await call.page(
        "identity/device_keys.html",
        "Device keys",
        400 if error else 200,
        keys=Listing.after(keys, ROWS, after, lambda of_name: of_name[0].name),
        error=error,
        typed=typed(call, "name", "device"),
    )


async def create_key(call: ConsoleCall) -> Response:
    name, device = call.field("name"), call.field("device")
    try:
        if device and not is_device_id(device):
            raise Invalid("device must be an IMEI of 15 digits, or empty")
        key = await device_keys.create_device_key(call.context, call.caller(), name, int(device) if device else None)
    except (Invalid, Conflict, NotFound) as error:
        return await show_keys(call, str(error))
    facts = [
        ("Name", name),
        ("Valid for", f"device {device}" if device else "all devices of the account"),
        ("Key", key),
    ]
    return await show_secret(call, title="Device key created", facts=facts, back=call.path("device-keys"))


async def rotate_key(call: ConsoleCall) -> Response:
    name, overlap_ms = call.field("name"), parse_duration_ms("overlap", call.field("overlap"))
    key, _, expires_ms = await device_keys.rotate_device_key(call.context, call.caller(), name, overlap_ms)
    facts = [("Name", name), ("Old key", old_key_text(expires_ms)), ("Key", key)]
    return await show_secret(call, title="Device key replaced", facts=facts, back=call.path("device-keys"))


async def delete_key(call: ConsoleCall) -> Response:
    name = call.field("name")
    await device_keys.delete_device_key(call.context, call.caller(), name)
    return await call.go(call.path("device-keys"), f"Key {name} deleted. Devices that use it are rejected.")


_PATH = "/accounts/{account}/device-keys"
PAGES = (
    ConsolePage("GET", _PATH, show_keys),
    ConsolePage("POST", _PATH, create_key, action="createDeviceKey", role=Role.ADMIN),
    ConsolePage("POST", _PATH + "/rotate", rotate_key, action="rotateDeviceKey", role=Role.ADMIN),
    ConsolePage("POST", _PATH + "/delete", delete_key, action="deleteDeviceKey", role=Role.ADMIN),
)
