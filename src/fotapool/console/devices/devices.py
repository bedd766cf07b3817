"""The devices of an account: search, download as CSV, import from a file."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.responses import Response

from fotapool.console.app.downloads import CSV, attachment, csv_file, optional_time
from fotapool.console.app.forms import chunks_of
from fotapool.console.app.pages import ConsoleCall, ConsolePage, whole_number
from fotapool.console.app.rendering import number, plural
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.devices import PROTOCOLS
from fotapool.domain.devices.spelling import plain_number
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.licenses import UNKNOWN_TIME_MS
from fotapool.domain.names import MAX_IMEI, format_device_id
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.devices.import_lines import CsvReader, JsonArrayReader, LineReader, NdjsonReader
from fotapool.services.devices.imports import DeviceImport, Interrupted
from fotapool.services.devices.search import DeviceFilter, SearchPage, search_devices
from fotapool.store.devices.devices import OperatorDeviceRow

ROWS = 50
MAX_DOWNLOADED = 10_000
"""Maximum number of devices in a CSV file."""
DOWNLOAD_ROWS = 1_000
MAX_DOWNLOAD_STEPS = 100
"""Maximum number of search steps for one CSV file."""
ERRORS_SHOWN = 100

FILTERS = ("imei", "mdn", "make", "model", "firmware", "protocol", "license", "seen")
LICENSES = {
    "": "any",
    "licensed": "licensed",
    "unlicensed": "not licensed",
    "notice": "pending removal",
    "candidate": "removal candidate",
}
SEEN = {
    "": "any",
    "day": "in the last day",
    "week": "in the last week",
    "not-day": "not in the last day",
    "not-week": "not in the last week",
    "never": "never",
}
COLUMNS = (
    "deviceId",
    "make",
    "model",
    "firmware",
    "protocol",
    "mdn",
    "status",
    "licensedAt",
    "noticeUntil",
    "openUpgrade",
    "lastSeenAt",
)


async def show_devices(call: ConsoleCall) -> Response:
    query = _query(call)
    found = await _search(call, query, ROWS)
    choices = {
        column: sorted({version[place] for version in found.versions if version[place]})
        for place, column in enumerate(("make", "model", "firmware"))
    }
    return await call.page(
        "devices/devices.html",
        "Devices",
        query=query,
        found=found,
        is_filtered=any(query.values()),
        choices=choices,
        protocols=[("", "any"), *((word, word) for word in PROTOCOLS)],
        licenses=LICENSES,
        seen=SEEN,
        after=call.text("after"),
        license_label=_license_label,
        upgrade_label=_upgrade_label,
        max_downloaded=MAX_DOWNLOADED,
    )


def _query(call: ConsoleCall) -> dict[str, str]:
    return {name: call.text(name) for name in FILTERS} | {"imei": plain_number(call.text("imei"))}


async def _search(call: ConsoleCall, query: dict[str, str], limit: int, after: int | None = None) -> SearchPage:
    if after is None:
        text = call.text("after")
        after = whole_number("after", text, 0, MAX_IMEI) if text else BEFORE_ALL
    return await search_devices(
        call.context, caller=call.caller(), wanted=DeviceFilter(**query), after=after, limit=limit
    )


def _license_label(row: OperatorDeviceRow) -> str:
    """Since when the device has had its license; empty without one."""
    if row.licensed_ms is None:
        return ""
    return (
        "since an unknown time"
        if row.licensed_ms == UNKNOWN_TIME_MS
        else f"since {format_timestamp(row.licensed_ms)[:10]}"
    )


def _upgrade_label(row: OperatorDeviceRow) -> str:
    return UpgradeStatus(row.open_upgrade).word if row.open_upgrade else ""


async def download_devices(call: ConsoleCall) -> Response:
    """The first MAX_DOWNLOADED matching devices as CSV."""
    query = _query(call)
    rows: list[OperatorDeviceRow] = []
    after: int | None = BEFORE_ALL
    for _ in range(MAX_DOWNLOAD_STEPS):
        found = await _search(call, query, DOWNLOAD_ROWS, after)
        rows += found.devices
        after = found.after
        if after is None or len(rows) >= MAX_DOWNLOADED:
            break
    return csv_file("devices.csv", COLUMNS, [_csv_row(row) for row in rows[:MAX_DOWNLOADED]])


def _csv_row(row: OperatorDeviceRow) -> list[str]:
    return [
        format_device_id(row.imei),
        row.make,
        row.model,
        row.firmware,
        row.protocol,
        row.mdn,
        row.status,
        "unknown" if row.licensed_ms == UNKNOWN_TIME_MS else optional_time(row.licensed_ms),
        optional_time(row.notice_until_ms),
        _upgrade_label(row),
        optional_time(row.seen_ms),
    ]


async def import_file(call: ConsoleCall) -> Response:
    """Imports a file of devices; the first character distinguishes CSV, NDJSON and JSON arrays."""
    upload = call.upload("file")
    if upload is None:
        raise Invalid("choose a file of devices: CSV, NDJSON or a JSON array")
    device_import = DeviceImport(call.context, call.caller())
    stopped = ""
    try:
        async for _ in device_import.run(chunks_of(upload), await _reader(call, upload)):
            pass
    except Interrupted as interrupted:
        if not isinstance(interrupted.error, Invalid):
            raise interrupted.error from interrupted
        is_begun = device_import.result.lines > 0
        stopped = f"{interrupted.error}; {interrupted}" if is_begun else str(interrupted.error)
    result = device_import.result
    if not (stopped or result.errors or result.warnings):
        text = f"{plural(result.kept, 'device')} imported, {number(result.licensed)} newly licensed."
        return await call.go(call.path("devices"), " ".join([text, *result.notes]))
    device_import.write_failed_lines()
    return await call.page(
        "devices/device_import.html",
        "Import devices",
        200 if result.lines or not stopped else 400,
        result=result,
        stopped=stopped,
        further=device_import.failed.further,
        shown=ERRORS_SHOWN,
        file_name=upload.filename,
    )


async def failed_lines_file(call: ConsoleCall) -> Response:
    """The failed lines that a page has shown, as a file."""
    return Response(call.field("csv"), headers=attachment("failed-lines.csv"), media_type=CSV)


async def _reader(call: ConsoleCall, upload: UploadFile) -> LineReader:
    first = (await upload.read(1024)).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    await upload.seek(0)
    max_bytes = call.context.settings.max_import_line_bytes
    if first == b"[":
        return JsonArrayReader(max_bytes)
    return NdjsonReader(max_bytes) if first == b"{" else CsvReader(max_bytes)


PAGES = (
    ConsolePage("GET", "/accounts/{account}/devices", show_devices),
    ConsolePage("GET", "/accounts/{account}/devices.csv", download_devices),
    ConsolePage("POST", "/accounts/{account}/devices/import", import_file, action="importDevices"),
    ConsolePage("POST", "/accounts/{account}/failed-lines.csv", failed_lines_file, reads_only=True),
)
