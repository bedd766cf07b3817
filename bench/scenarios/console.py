"""The console at 10,000 accounts and one of a million devices, the search at 10 million: server time and bytes sent."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import quote, urljoin

import httpx

from bench.scenarios.assign import Scale
from bench.scenarios.campaigns import HOURLY, Emulator, Fleetful, emulating, prepare
from bench.support.databases import Store, connected
from bench.support.pools import BEARER, FIRST_DEVICE, SESSION, USER, Account
from bench.support.processes import OPERATOR, Failed, Server
from bench.support.report import Figure, Report
from fotapool.console.app.routes import PAGES
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import record_account

BIG = Account("0242078689-00001", FIRST_DEVICE, 700_000, 300_000)
FLEET = Account("0242078689-00002", FIRST_DEVICE + BIG.devices, 100_000, 0)
REST = Account("0242078689-00003", FIRST_DEVICE + BIG.devices + FLEET.devices, 0, 8_900_000)
"""With it, the search is over 10 million devices; left out of a quick run."""
ACCOUNTS = 10_000
DAYS = 30
REQUESTS = 20
UNREACHABLE = "http://127.0.0.1:9/callbacks"
"""A listener that does not respond, so that callbacks stay pending."""
AT_MOST_MS, AT_MOST_KIB = 100.0, 150.0
SEARCH_AT_MOST_MS = 50.0
NOT_PAGES = (".csv", ".json", "{form}")
"""Suffixes of paths whose responses are downloads."""
SEARCHES = {
    "/pools": ["?order=used&down=1", "?search=00077", "?order=free&page=150"],
    "/accounts/{account}/devices": [
        "?imei=35",
        "?model=Model-A&make=Verizon",
        "?model=nothing",
        "?license=candidate",
        "?seen=day",
    ],
    "/accounts/{account}/subscription": ["?total=999000", "?total=700000", "?total=400000"],
    "/accounts/{account}/candidates": ["?total=400000"],
    "/search": ["?q=35", "?q=040000"],
}
"""Queries of pages besides their default view."""
_ASSET = re.compile(r"\b(?:src|href)=\"([^\"#]*/static/[^\"#]+)")


@dataclass
class Viewer:
    """A browser with an empty cache, signed in as an operator."""

    server: Server
    http: httpx.Client = field(init=False)
    assets: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        base = f"http://127.0.0.1:{self.server.port}"
        self.http = httpx.Client(base_url=base, timeout=120, follow_redirects=True, headers={"Accept-Encoding": "gzip"})
        self.http.post("/console/sign-in", data={"key": OPERATOR}).raise_for_status()

    def get(self, path: str) -> httpx.Response:
        answer = self.http.get(path)
        if answer.status_code != 200:
            label = " ".join(re.sub("<[^>]+>", " ", answer.text).split())
            raise Failed(f"{path} answered {answer.status_code}: {label[:500]}")
        return answer

    def times_ms(self, path: str, count: int = REQUESTS) -> list[float]:
        """Milliseconds of each request after the first."""
        self.get(path)
        found = []
        for _ in range(count):
            began = time.perf_counter()
            self.get(path)
            found.append((time.perf_counter() - began) * 1000)
        return found

    def transferred_kib(self, path: str) -> float:
        """Compressed bytes of the page and everything it loads."""
        page = self.get(path)
        data = page.num_bytes_downloaded
        for asset in set(_ASSET.findall(page.text)):
            if asset not in self.assets:
                self.assets[asset] = self.get(asset).num_bytes_downloaded
            data += self.assets[asset]
        return data / 1024

    def send(self, path: str, data: dict[str, str]) -> httpx.Response:
        """Submits a form of the page of pools."""
        csrf = re.search(r'name="csrf" value="(\w+)"', self.get("/console/pools").text)
        assert csrf is not None
        return self.http.post(path, data={"csrf": csrf[1], **data}).raise_for_status()


FOUND = {
    "an IMEI": f"{FIRST_DEVICE + 500_000:015d}",
    "an IMEI without its check digit": f"{FIRST_DEVICE + 500_000:015d}"[:14],
    "the beginning of IMEIs": "350",
    "an MDN": "+1 (555) 050-0000",
    "the beginning of MDNs": "55505",
    "an account": BIG.name,
    "the beginning of accounts": "0400",
    "a request id": "bench-request",
    "nothing": "no-such-thing",
}
"""Texts to search for over all accounts, by what they are."""


def measure_console(report: Report, store: Store, scale: Scale) -> None:
    """(k) Every page, and some searches, as the median of 20 requests on loopback, and its size with an empty cache."""
    url = prepare(store, [Fleetful(FLEET, HOURLY)], [BIG] if scale.quick else [BIG, REST])
    _add_accounts(url)
    _add_mdns(url)
    store.settle(url)
    with emulating(url) as server:
        viewer = Viewer(server)
        names = _live(server, viewer)
        _measure_search(report, store.kind, viewer)
        failed = []
        for path, label in _paths(names, report):
            try:
                times, size = viewer.times_ms(path), viewer.transferred_kib(path)
            except Failed as error:
                failed.append(str(error))
                continue
            report.add_rounds(
                section="k",
                database=store.kind,
                name=f"{label}, server time",
                values=times,
                unit="ms",
                at_most=AT_MOST_MS,
            )
            report.add(
                Figure(
                    section="k",
                    database=store.kind,
                    name=f"{label}, transferred",
                    value=size,
                    unit="KiB",
                    at_most=AT_MOST_KIB,
                )
            )
        report.add_memory("k", store.kind, "emulate", server.peak_mib)
        for path, label in _behind(names["campaign"]):
            report.add_rounds(
                section="k",
                database=store.kind,
                name=f"{label}, loaded by its page",
                values=viewer.times_ms(path, 3),
                unit="ms",
            )
    slowest = max(figure.value for figure in report.figures if figure.section == "k" and figure.at_most == AT_MOST_MS)
    report.note(f"the slowest page takes {slowest:.0f} ms in the middle of its {REQUESTS} requests")
    store.drop(url)
    if failed:
        raise Failed("\n".join(failed))


def _add_accounts(url: str) -> None:
    """The other accounts, used to 0 to 96 %, with a history of 30 days each. The licenses themselves are left out."""
    now_ms = time.time_ns() // 1_000_000
    today = now_ms // 86_400_000
    totals = [100 + number % 900 for number in range(ACCOUNTS)]
    with connected(url) as connection:
        connection.begin()
        ids = [
            record_account(
                connection,
                name=f"04{number:08d}-00001",
                purchase_type=PurchaseType.MRC,
                total=total,
                now_ms=now_ms - DAYS * 86_400_000,
            )
            for number, total in enumerate(totals)
        ]
        used = [total * (number % 97) // 100 for number, total in enumerate(totals)]
        rows = [
            (account_id, (today - DAYS + day + 1) * 86_400_000 - 1, now_used * (day + 10) // (DAYS + 10), 0, 0)
            for account_id, now_used in zip(ids, used, strict=True)
            for day in range(DAYS)
        ]
        connection.update_rows("license_pool", "account_id", "used", list(zip(ids, used, strict=True)))
        connection.insert("pool_level", "account_id, at_ms, used, notice, entries", rows)
        connection.commit()


def _add_mdns(url: str) -> None:
    with connected(url) as connection:
        connection.begin()
        connection.execute(
            "UPDATE device SET mdn = CAST(imei - :first AS TEXT)", {"first": FIRST_DEVICE - 5_550_000_000}
        )
        connection.commit()


def _measure_search(report: Report, kind: str, viewer: Viewer) -> None:
    """The search over all accounts, by the operator API."""
    viewer.http.headers["Authorization"] = f"Bearer {OPERATOR}"
    for label, text in FOUND.items():
        report.add_rounds(
            section="k",
            database=kind,
            name=f"search over all accounts: {label}",
            values=viewer.times_ms(f"/control/v1/search?q={quote(text)}"),
            unit="ms",
            at_most=SEARCH_AT_MOST_MS,
        )
    del viewer.http.headers["Authorization"]


def _live(server: Server, viewer: Viewer) -> dict[str, str]:
    """Creates a campaign of 100,000 devices, callbacks, candidates, a bulk job and requests. Returns path names."""
    emulator = Emulator(server)
    api = httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}/api/fota",
        timeout=120,
        headers={"Authorization": f"Bearer {BEARER}", "VZ-M2M-Token": SESSION},
    )
    listed = [f"{device:015d}" for device in BIG.some_devices(500)]
    api.post(f"/v2/licenses/{BIG.name}/cancel", json={"deviceList": listed})
    assigned = [f"{device:015d}" for device in BIG.spare_devices()[:1000]]
    request = {"X-Request-Id": FOUND["a request id"]}
    api.post(f"/v3/licenses/{BIG.name}/assign", json={"deviceList": assigned}, headers=request)
    answered = api.post(f"/v3/callbacks/{FLEET.name}", json={"url": UNREACHABLE})
    answered.raise_for_status()
    campaign = emulator.schedule(FLEET, start_days=1)
    here = f"/console/accounts/{BIG.name}/licenses"
    listed = [f"{device:015d}" for device in BIG.spare_devices()[1000:2000]]
    checked = viewer.send(here, {"verb": "assign", "list": "\n".join(listed)}).text
    job = _first(r"/licenses/jobs/([0-9a-f-]{36})", checked)
    mark = _first(r'name="mark" value="([^"]+)"', viewer.get(f"{here}/jobs/{job}?check=1").text)
    viewer.send(f"{here}/jobs/{job}/start", {"mark": mark})
    emulator.advance("P1DT2H")
    return {
        "campaign": campaign,
        "uuid": campaign,
        "job": job,
        "device": f"{FIRST_DEVICE + 5:015d}",
        "number": _first(r"/emulator/requests/(\d+)", viewer.get("/console/emulator/requests").text),
        "id": _first(r"/console/callbacks/(\d+)", viewer.get("/console/callbacks").text),
        "month": f"{datetime.now(UTC):%Y-%m}",
        "username": USER,
    }


def _behind(campaign: str) -> Iterator[tuple[str, str]]:
    """(path, label) of slow parts that a page loads after it is shown."""
    yield f"/console/accounts/{BIG.name}?count=1", "the picture of a pool of 701,000 used licenses"
    yield f"/console/accounts/{FLEET.name}/campaigns/{campaign}?counted=1", "the numbers of a campaign of 100,000"
    yield f"/console/accounts/{BIG.name}/subscription?total=400000&decided=1", "preview of taking 301,000 licenses"


def _first(pattern: str, text: str) -> str:
    """The first match of the pattern's group, or ""."""
    found = re.search(pattern, text)
    return found[1] if found else ""


def _paths(names: dict[str, str], report: Report) -> Iterator[tuple[str, str]]:
    """(path, label) of each page. Pages of a campaign use the account that has one."""
    for page in PAGES:
        if page.method != "GET" or page.path.endswith(NOT_PAGES) or page.path.endswith("/download"):
            continue
        of_fleet = "{campaign}" in page.path or "{uuid}" in page.path or page.path.endswith("/fleet")
        values = {**names, "account": FLEET.name if of_fleet else BIG.name}
        missing = [name for name in re.findall(r"{(\w+)}", page.path) if not values.get(name)]
        if missing:
            report.note(f"{page.path} is left out: there is no {missing[0]}")
            continue
        path = "/console" + page.path.format(**values)
        yield path, page.path
        for query in SEARCHES.get(page.path, []):
            yield urljoin(path, PurePosixPath(path).name + query), page.path + query
