"""The keys by which an account's devices identify themselves: made, shown once, and taken away."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.domain.names import is_device_id
from fotapool.services.identity import device_keys
from fotapool.store.accounts.accounts import Account

ROWS = 50


async def show_keys(call: ConsoleCall) -> Response:
    return await _page(call, await call.account())


async def _page(call: ConsoleCall, account: Account, status: int = 200, error: str = "") -> Response:
    after = call.text("after")
    keys = await device_keys.list_device_keys(call.context, call.caller(account), after, ROWS + 1)
    return await call.page(
        "identity/device_keys.html",
        "Device keys",
        status,
        account=account,
        keys=keys[:ROWS],
        after=after,
        error=error,
        next_after=keys[ROWS - 1].name if len(keys) > ROWS else None,
        here=account_path(account.name, "device-keys"),
        typed={name: call.field(name) for name in ("name", "device")},
    )


async def create_key(call: ConsoleCall) -> Response:
    account = await call.account()
    name, device = call.field("name"), call.field("device")
    try:
        if device and not is_device_id(device):
            raise Invalid("device must be an IMEI of 15 digits, or empty")
        key = await device_keys.create_device_key(
            call.context, call.caller(account), name, int(device) if device else None
        )
    except (Invalid, Conflict, NotFound) as error:
        return await _page(call, account, 400, str(error))
    words = [("Name", name), ("Good for", f"device {device}" if device else "all devices of the account"), ("Key", key)]
    return await call.page(
        "identity/secret_created.html",
        "The device key",
        done="The device key is there.",
        words=words,
        what="key",
        made=True,
        back=account_path(account.name, "device-keys"),
    )


async def delete_key(call: ConsoleCall) -> Response:
    account = await call.account()
    await device_keys.delete_device_key(call.context, call.caller(account), call.field("name"))
    words = f"The key {call.field('name')} is taken away: devices that show it are refused."
    return await call.go(account_path(account.name, "device-keys"), words)


_PATH = "/accounts/{account}/device-keys"
PAGES = (
    ConsolePage("GET", _PATH, show_keys),
    ConsolePage("POST", _PATH, create_key, role=Role.ADMIN),
    ConsolePage("POST", _PATH + "/delete", delete_key, role=Role.ADMIN),
)
