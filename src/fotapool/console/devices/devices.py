"""The devices of an account: searched, listed, downloaded, imported from a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.datastructures import UploadFile
from starlette.responses import Response

from fotapool.console.app.charts import csv_answer
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path, whole_number
from fotapool.console.app.rendering import number, plural
from fotapool.core.timestamps import time_text
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.devices import PROTOCOLS
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
"""How many devices a downloaded file has at most."""
DOWNLOAD_ROWS = 1_000
MAX_DOWNLOAD_STEPS = 100
"""How many steps of the search a download takes at most."""
CHUNK_BYTES = 256 * 1024
ERRORS_SHOWN = 100

FILTERS = ("imei", "mdn", "make", "model", "firmware", "protocol", "license", "seen")
LICENSES = {
    "": "any",
    "licensed": "licensed",
    "unlicensed": "not licensed",
    "notice": "under notice",
    "candidate": "on the candidate list",
}
SEEN = {
    "": "any time or never",
    "day": "within a day",
    "week": "within a week",
    "not-day": "not within a day",
    "not-week": "not within a week",
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
    account = await call.account()
    query = _query(call)
    found = await _search(call, query, ROWS)
    choices = {
        column: sorted({version[place] for version in found.versions if version[place]})
        for place, column in enumerate(("make", "model", "firmware"))
    }
    return await call.page(
        "devices/devices.html",
        "Devices",
        account=account,
        query=query,
        found=found,
        filtered=any(query.values()),
        choices=choices,
        protocols=[("", "any"), *((word, word) for word in PROTOCOLS)],
        licenses=LICENSES,
        seen=SEEN,
        after=call.text("after"),
        state_of=_license_words,
        upgrade_of=_upgrade_word,
        max_downloaded=MAX_DOWNLOADED,
    )


def _query(call: ConsoleCall) -> dict[str, str]:
    return {name: call.text(name) for name in FILTERS}


async def _search(call: ConsoleCall, query: dict[str, str], limit: int, after: int | None = None) -> SearchPage:
    account = await call.account()
    if after is None:
        text = call.text("after")
        after = whole_number("after", text, 0, MAX_IMEI) if text else BEFORE_ALL
    return await search_devices(
        call.context, caller=call.caller(account), wanted=DeviceFilter(**query), after=after, limit=limit
    )


def _license_words(row: OperatorDeviceRow) -> str:
    """Since when it has held its license, in words; empty without one."""
    if row.licensed_ms is None:
        return ""
    return "since an unknown time" if row.licensed_ms == UNKNOWN_TIME_MS else f"since {time_text(row.licensed_ms)[:10]}"


def _upgrade_word(row: OperatorDeviceRow) -> str:
    return UpgradeStatus(row.open_upgrade).word if row.open_upgrade else ""


async def download_devices(call: ConsoleCall) -> Response:
    """The devices that fit, up to MAX_DOWNLOADED of them."""
    query = _query(call)
    rows: list[OperatorDeviceRow] = []
    after: int | None = BEFORE_ALL
    for _ in range(MAX_DOWNLOAD_STEPS):
        found = await _search(call, query, DOWNLOAD_ROWS, after)
        rows += found.devices
        after = found.after
        if after is None or len(rows) >= MAX_DOWNLOADED:
            break
    return csv_answer("devices.csv", COLUMNS, [_csv_row(row) for row in rows[:MAX_DOWNLOADED]])


def _csv_row(row: OperatorDeviceRow) -> list[str]:
    licensed = "unknown" if row.licensed_ms == UNKNOWN_TIME_MS else _time(row.licensed_ms)
    return [
        format_device_id(row.imei),
        row.make,
        row.model,
        row.firmware,
        row.protocol,
        row.mdn,
        row.status,
        licensed,
        _time(row.notice_until_ms),
        _upgrade_word(row),
        _time(row.seen_ms),
    ]


def _time(timestamp_ms: int | None) -> str:
    return "" if timestamp_ms is None else time_text(timestamp_ms)


async def import_file(call: ConsoleCall) -> Response:
    """Imports a file of devices; what it is, is seen from how it begins."""
    account = await call.account()
    upload = call.upload("file")
    if upload is None:
        raise Invalid("choose a file of devices: CSV, NDJSON or a JSON array")
    under_way = DeviceImport(call.context, call.caller(account))
    stopped = ""
    try:
        async for _ in under_way.run(_chunks(upload), await _reader(call, upload)):
            pass
    except Interrupted as interrupted:
        if not isinstance(interrupted.error, Invalid):
            raise interrupted.error from interrupted
        stopped = f"{interrupted.error}; {interrupted}"
    result = under_way.result
    if not (stopped or result.errors or result.warnings):
        words = f"Imported: {plural(result.kept, 'device')}, {number(result.licensed)} of them newly licensed."
        return await call.go(account_path(account.name, "devices"), words)
    return await call.page(
        "devices/device_import.html",
        "Import of devices",
        account=account,
        result=result,
        stopped=stopped,
        shown=ERRORS_SHOWN,
        file_name=upload.filename,
    )


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK_BYTES):
        yield chunk


async def _reader(call: ConsoleCall, upload: UploadFile) -> LineReader:
    first = (await upload.read(1024)).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    await upload.seek(0)
    longest = call.context.settings.max_import_line_bytes
    if first == b"[":
        return JsonArrayReader(longest)
    return NdjsonReader(longest) if first == b"{" else CsvReader(longest)


PAGES = (
    ConsolePage("GET", "/accounts/{account}/devices", show_devices),
    ConsolePage("GET", "/accounts/{account}/devices.csv", download_devices),
    ConsolePage("POST", "/accounts/{account}/devices/import", import_file),
)
