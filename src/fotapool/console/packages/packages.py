"""Firmware packages: the list, creating one, and the page of one with its content, pilot rule and campaigns."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.responses import Response

from fotapool.console.app.errors import sentence
from fotapool.console.app.forms import chunks_of
from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural
from fotapool.console.campaigns import labels
from fotapool.console.identity.sessions import PATH
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.devices.devices import MAX_TEXT
from fotapool.domain.errors import Conflict, ErrorCode, Invalid, RequestRejected
from fotapool.domain.packages import (
    DEFAULT_PLATFORM,
    MAX_RELEASE_NOTE,
    PACKAGE_PROTOCOLS,
    PILOT_DEVICES,
    PILOT_RESULTS_NEEDED,
    Package,
    pilot_has_passed,
)
from fotapool.services.campaigns.all_campaigns import failure_percent, list_all_campaigns
from fotapool.services.packages import contents, packages
from fotapool.services.snapshots.seed_documents import PackageLine

ROWS = 50
CAMPAIGNS_SHOWN = 10
LABELS = {
    "firmwareName": "name",
    "make": "make",
    "model": "model",
    "fromVersion": "from version",
    "toVersion": "to version",
    "protocol": "protocol",
    "platformId": "platform ID",
    "launchDate": "launch date",
    "releaseNote": "release note",
}
"""The labels of the fields of a package, by the members of the operator API."""
_FIRMWARE = f"{PATH}/firmware"


class PilotState(NamedTuple):
    """Word and tone of the badge."""

    word: str
    tone: str


_NOT_PASSED = PilotState(f"Pilot not passed (at most {PILOT_DEVICES} devices)", "warn")
_PASSED = PilotState("Pilot passed", "good")
_ALLOWED = PilotState("Allowed by operator", "info")


def pilot_state(package: Package) -> PilotState:
    """Whether campaigns may have any number of devices, and why."""
    if pilot_has_passed(False, package.succeeded, package.failed):
        return _PASSED
    return _ALLOWED if package.pilot_passed else _NOT_PASSED


async def show_packages(call: ConsoleCall) -> Response:
    return await _list(call)


async def _list(
    call: ConsoleCall, typed: dict[str, str] | None = None, error: str = "", field: str = "", status: int = 200
) -> Response:
    """The list; with what was typed into the form, and why it was rejected, below `field` if that is known."""
    after = call.text("after")
    found = await packages.list_packages(call.context, after, ROWS + 1)
    blank = {**dict.fromkeys((*LABELS, "proven"), ""), "platformId": DEFAULT_PLATFORM}
    return await call.page(
        "packages/packages.html",
        "Firmware",
        status,
        found=Listing.after(found, ROWS, after, lambda package: package.name),
        pilot_state=pilot_state,
        protocols=[(one, one) for one in PACKAGE_PROTOCOLS],
        typed=typed or blank,
        error=error,
        errors={name: error if name == field else "" for name in LABELS},
        has_general_error=bool(error and not field),
        max_text=MAX_TEXT,
        max_note=MAX_RELEASE_NOTE,
        pilot_devices=PILOT_DEVICES,
    )


async def create_firmware(call: ConsoleCall) -> Response:
    typed = {name: call.field(name) for name in (*LABELS, "proven")} | {"releaseNote": _note(call)}
    members: dict[str, Any] = {**typed, "proven": bool(typed["proven"]), "launchDate": typed["launchDate"] or None}
    try:
        call.audit.about("package", typed["firmwareName"])
        wanted = PackageLine(**members).to_package(call.context.clock.now_ms())
        (package,) = await packages.create_packages(call.context, [wanted])
    except Conflict as error:
        return await _list(call, typed, sentence(str(error)), field="firmwareName", status=409)
    except Invalid as error:
        field, message = _at_field(str(error))
        return await _list(call, typed, message, field=field, status=400)
    return await call.go(_path(package.name), f"Package {package.name} created. Next: upload its content.")


def _note(call: ConsoleCall) -> str:
    """The release note of the form; browsers send line breaks as CR LF."""
    return call.field("releaseNote").replace("\r\n", "\n")


def _at_field(message: str) -> tuple[str, str]:
    """The field that a message about a member of the API belongs to, and the message with the labels of the form."""
    field = message.partition(" ")[0]
    for name, label in LABELS.items():
        message = message.replace(name, label)
    return (field if field in LABELS else ""), sentence(message)


def _name(call: ConsoleCall) -> str:
    name: str = call.request.path_params["firmware"]
    return name


def _path(name: str) -> str:
    return f"{_FIRMWARE}/{quote(name, safe='')}"


async def show_package(call: ConsoleCall) -> Response:
    return await _page(call)


async def _page(
    call: ConsoleCall, error: str = "", form: str = "", status: int = 200, note: str | None = None
) -> Response:
    """The page of a package; `error` says why the form of this name was rejected, `note` is what was typed into it."""
    package = await packages.get_package(call.context, _name(call))
    campaigns = await list_all_campaigns(
        call.context, frozenset(CampaignStatus), after=0, limit=CAMPAIGNS_SHOWN + 1, package=package.name
    )
    return await call.page(
        "packages/package.html",
        package.name,
        status,
        package=package,
        package_path=_path(package.name),
        pilot=pilot_state(package),
        is_lost=await contents.is_package_content_lost(call.context, package.name),
        campaigns=campaigns[:CAMPAIGNS_SHOWN],
        has_more=len(campaigns) > CAMPAIGNS_SHOWN,
        labels=labels,
        failure_percent=failure_percent,
        error=error,
        form=form,
        note=package.release_note if note is None else note,
        max_note=MAX_RELEASE_NOTE,
        max_bytes=call.context.settings.max_file_bytes,
        pilot_devices=PILOT_DEVICES,
        results_needed=PILOT_RESULTS_NEEDED,
    )


async def set_content(call: ConsoleCall) -> Response:
    name, upload = _name(call), call.upload("content")
    try:
        if upload is None:
            raise Invalid("choose the file that devices download")
        content = await contents.set_package_content(call.context, name, chunks_of(upload))
    except Invalid as error:
        return await _page(call, sentence(str(error).partition(";")[0]), "content", 400)
    except RequestRejected as error:
        if error.code is not ErrorCode.FILE_TOO_LARGE:
            raise
        most = plural(call.context.settings.max_file_bytes, "byte")
        return await _page(call, f"The file is too large: a content may have {most}.", "content", 413)
    return await call.go(_path(name), f"Content of {plural(content.size, 'byte')} uploaded.")


async def change_release_note(call: ConsoleCall) -> Response:
    note = _note(call)
    try:
        await packages.change_package(call.context, _name(call), note, None)
    except Invalid as error:
        return await _page(call, _at_field(str(error))[1], form="note", status=400, note=note)
    return await call.go(_path(_name(call)), "Release note changed.")


async def change_pilot_rule(call: ConsoleCall) -> Response:
    lifted = bool(call.field("lifted"))
    package = await packages.change_package(call.context, _name(call), None, lifted)
    text = "Pilot rule lifted: campaigns may have any number of devices." if lifted else "Pilot rule restored."
    return await call.go(_path(package.name), text)


async def delete_firmware(call: ConsoleCall) -> Response:
    name = _name(call)
    try:
        await packages.remove_package(call.context, name)
    except Conflict as error:
        return await _page(call, sentence(str(error)), "delete", 409)
    return await call.go(_FIRMWARE, f"Package {name} deleted.")


_ONE = "/firmware/{firmware}"
PAGES = (
    ConsolePage("GET", "/firmware", show_packages),
    ConsolePage("POST", "/firmware", create_firmware),
    ConsolePage("GET", _ONE, show_package),
    ConsolePage("POST", _ONE + "/content", set_content),
    ConsolePage("POST", _ONE + "/release-note", change_release_note, action="changeFirmware"),
    ConsolePage("POST", _ONE + "/pilot-rule", change_pilot_rule, action="changeFirmware"),
    ConsolePage("POST", _ONE + "/delete", delete_firmware),
)
