"""One device: details, timeline, check-ins; overriding its upgrade status."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.campaigns.labels import UPGRADE
from fotapool.domain.campaigns.upgrades import STATUS_OF_WORD, UpgradeStatus
from fotapool.domain.devices.devices import reachability
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS, LicenseState
from fotapool.domain.names import format_device_id, is_device_id
from fotapool.services.campaigns import upgrades
from fotapool.services.devices import timelines

EVENTS = {
    "licensed": ("good", "circle-check"),
    "upgraded": ("good", "circle-check"),
    "reclaimed": ("bad", "circle-minus"),
    "license removed": ("bad", "circle-minus"),
    "upgrade failed": ("bad", "circle-alert"),
    "rejected": ("bad", "ban"),
    "marked for removal": ("warn", "clock"),
    "upgrade canceled": ("warn", "circle-minus"),
    "upgrade began": ("run", "download"),
    "license restored": ("good", "rotate-ccw"),
    "removal canceled": ("good", "rotate-ccw"),
    "upgrade": ("info", "circle-arrow-up"),
    "added": ("", "plus"),
}
"""The tones and icons of timeline events, by the start of their labels."""
ACTORS = {"engine": "by the server", "seed": "by the seed", "": ""}
NEXT_STATES = {
    None: (UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS),
    UpgradeStatus.SCHEDULED: (UpgradeStatus.IN_PROGRESS, UpgradeStatus.CANCELED, UpgradeStatus.FAILED),
    UpgradeStatus.IN_PROGRESS: (UpgradeStatus.COMPLETED, UpgradeStatus.FAILED),
}
"""The states that the form offers; check_transition in domain/campaigns/upgrades.py enforces the rule."""


async def show_device(call: ConsoleCall) -> Response:
    found = await timelines.read_timeline(call.context, call.caller(), device_of(call))
    row = found.device
    open_upgrade = UpgradeStatus(row.open_upgrade) if row.open_upgrade else None
    return await call.page(
        "devices/device.html",
        f"Device {format_device_id(row.imei)}",
        found=found,
        row=row,
        is_time_unknown=row.licensed_ms == UNKNOWN_TIME_MS,
        is_used=bool((row.license_state or 0) & LicenseState.USED),
        reachability=reachability(row.licensed_ms, row.seen_ms, call.context.clock.now_ms()).value,
        upgrade=UPGRADE[open_upgrade].text if open_upgrade else "none",
        look_of=_look_of,
        actor_of=_actor_of,
        next_states=[UPGRADE[status] for status in NEXT_STATES[open_upgrade]],
    )


def device_of(call: ConsoleCall) -> int:
    """The device in the path. Raises NotFound."""
    text = call.request.path_params["device"]
    if not is_device_id(text):
        raise NotFound(f"{text[:40]!r} is not an IMEI of 15 digits")
    return int(text)


def _look_of(event: str) -> tuple[str, str]:
    return next((look for start, look in EVENTS.items() if event.startswith(start)), ("", "circle-dashed"))


def _actor_of(actor: str) -> str:
    return ACTORS.get(actor, f"by {actor}")


async def set_upgrade(call: ConsoleCall) -> Response:
    device, value = device_of(call), call.field("status")
    if value not in STATUS_OF_WORD:
        raise Invalid(f"the upgrade's state must be one of {', '.join(STATUS_OF_WORD)}")
    status = await upgrades.set_upgrade(call.context, call.caller(), device, STATUS_OF_WORD[value])
    text = f"Upgrade status set to {UPGRADE[status].text}."
    return await call.go(call.path("devices", format_device_id(device)), text)


PAGES = (
    ConsolePage("GET", "/accounts/{account}/devices/{device}", show_device),
    ConsolePage("POST", "/accounts/{account}/devices/{device}/upgrade", set_upgrade),
)
