"""One device: what is known of it, what happened to it, and setting its upgrade on the operator's word."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.campaigns.labels import REASONS
from fotapool.domain.campaigns.upgrades import STATUS_OF_WORD, UpgradeStatus
from fotapool.domain.devices.devices import reachability
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.campaigns import upgrades
from fotapool.services.devices import timelines

KINDS = {
    "licensed": "good",
    "upgraded": "good",
    "reclaimed": "bad",
    "license removed": "bad",
    "upgrade failed": "bad",
    "rejected": "bad",
    "put under notice": "warn",
    "upgrade canceled": "warn",
}
"""How the words of a timeline are marked, by their beginnings; all others are plain."""
ACTORS = {"engine": "by the server, as it fell due", "seed": "by the seed", "": ""}
UPGRADE_WORDS = {
    "scheduled": "scheduled",
    "inProgress": "in progress",
    "completed": "completed",
    "failed": "failed",
    "canceled": "canceled",
}
NEXT_STATES = {
    None: ("scheduled", "inProgress"),
    UpgradeStatus.SCHEDULED: ("inProgress", "canceled", "failed"),
    UpgradeStatus.IN_PROGRESS: ("completed", "failed"),
}
"""What is offered; the rule itself is domain/campaigns/upgrades.py: check_transition."""


async def show_device(call: ConsoleCall) -> Response:
    account = await call.account()
    found = await timelines.read_timeline(call.context, call.caller(account), _device(call), REASONS.__getitem__)
    row = found.device
    state = row.license_state or 0
    open_upgrade = UpgradeStatus(row.open_upgrade) if row.open_upgrade else None
    return await call.page(
        "devices/device.html",
        f"Device {format_device_id(row.imei)}",
        account=account,
        found=found,
        row=row,
        unknown_time=row.licensed_ms == UNKNOWN_TIME_MS,
        used_by_upgrade=bool(state & LicenseState.USED),
        reachable=reachability(row.licensed_ms, row.seen_ms, call.context.clock.now_ms()).value,
        upgrade=UPGRADE_WORDS[open_upgrade.word] if open_upgrade else "none",
        kind_of=_kind_of,
        actor_of=_actor_of,
        next_states=[(word, UPGRADE_WORDS[word]) for word in NEXT_STATES[open_upgrade]],
    )


def _device(call: ConsoleCall) -> int:
    text = call.request.path_params["device"]
    if not is_device_id(text):
        raise NotFound("a device's page has its IMEI, 15 digits, at the end of its address")
    return int(text)


def _kind_of(what: str) -> str:
    return next((kind for beginning, kind in KINDS.items() if what.startswith(beginning)), "")


def _actor_of(actor: str) -> str:
    return ACTORS.get(actor, f"by {actor}")


async def set_upgrade(call: ConsoleCall) -> Response:
    account = await call.account()
    device = _device(call)
    word = call.field("status")
    if word not in STATUS_OF_WORD:
        raise Invalid(f"the upgrade's state must be one of {', '.join(STATUS_OF_WORD)}")
    status = await upgrades.set_upgrade(call.context, call.caller(account), device, STATUS_OF_WORD[word])
    path = account_path(account.name, "devices", format_device_id(device))
    return await call.go(path, f"The device's upgrade is {UPGRADE_WORDS[status.word]} now.")


PAGES = (
    ConsolePage("GET", "/accounts/{account}/devices/{device}", show_device),
    ConsolePage("POST", "/accounts/{account}/devices/{device}/upgrade", set_upgrade),
)
