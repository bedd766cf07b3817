"""A soak: all planes of one server under mixed load, and its resident memory every minute."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable

import httpx

from bench.support.books import check_books
from bench.support.databases import Store
from bench.support.pools import BEARER, FIRST_DEVICE, SESSION, Account, build
from bench.support.processes import OPERATOR, Failed, Server, serving
from bench.support.report import Figure, Report

SETTLED_MINUTE = 5
"""The minute whose memory later ones are compared with; earlier in a short run."""
AT_MOST_OVER_SETTLED = 1.05
AT_MOST_MIB = 200
LICENSED, SPARE = 90_000, 10_000
THREADS = 4

Call = Callable[[httpx.Client, random.Random], httpx.Response]
USER = {"Authorization": f"Bearer {BEARER}", "VZ-M2M-Token": SESSION}
ADMIN = {"Authorization": f"Bearer {OPERATOR}"}
ACCOUNT = Account("soak", FIRST_DEVICE, LICENSED, SPARE)
API, CONTROL = f"/api/fota/v3/licenses/{ACCOUNT.name}", f"/control/v1/accounts/{ACCOUNT.name}"


def measure_soak(report: Report, store: Store, minutes: int) -> None:
    url = build(store, [ACCOUNT])
    with serving(url) as server:
        resident, requests = _soak(server, minutes)
        peak = server.peak_mib
    books = check_books(url)
    store.drop(url)
    section, kind = "soak", store.kind
    settled = SETTLED_MINUTE if minutes > SETTLED_MINUTE else max(1, minutes // 2)
    report.note("resident memory by minute, MiB: " + ", ".join(f"{value:.0f}" for value in resident))
    report.add(Figure(section, kind, "minutes on all planes", minutes))
    report.add(Figure(section, kind, "requests answered", requests, at_least=1))
    ratio = max(resident[settled:]) / resident[settled - 1]
    # A short run has not filled its caches: what it shows is no verdict.
    limit = AT_MOST_OVER_SETTLED if minutes > SETTLED_MINUTE else None
    report.add(Figure(section, kind, f"resident memory over minute {settled}", ratio, "times", at_most=limit))
    report.add(Figure(section, kind, "peak resident memory", peak, "MiB", at_most=AT_MOST_MIB))
    wrong = books.too_many + books.gaps + books.backwards + books.inconsistent
    report.add(Figure(section, kind, "faults in the books", wrong, at_most=0))


def _soak(server: Server, minutes: int) -> tuple[list[float], int]:
    """The resident memory (MiB) after each minute, and the number of requests. Raises Failed for one that failed."""
    base = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=base, timeout=120) as http:
        answer = http.post(f"{CONTROL}/device-keys", json={"name": "soak"}, headers=ADMIN)
        device_key = answer.json()["key"]
    ending, failures, counts = threading.Event(), [], itertools.count()
    threads = [
        threading.Thread(target=_client, args=(base, _calls(device_key), number, ending, failures, counts))
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    resident: list[float] = []
    began_s = time.monotonic()
    while len(resident) < minutes and not failures:
        ending.wait(max(0, began_s + 60 * (len(resident) + 1) - time.monotonic()))
        resident.append(server.resident_mib)
    ending.set()
    for thread in threads:
        thread.join()
    if failures:
        raise Failed(f"a request of the soak failed: {failures[0]}")
    return resident, next(counts)


def _client(
    base: str,
    calls: list[Call],
    number: int,
    ending: threading.Event,
    failures: list[str],
    counts: itertools.count[int],
) -> None:
    chance = random.Random(number)
    try:
        with httpx.Client(base_url=base, timeout=120) as http:
            http.post("/console/sign-in", data={"key": OPERATOR})
            while not ending.is_set():
                response = chance.choice(calls)(http, chance)
                next(counts)
                if response.status_code >= 400:
                    raise Failed(f"{response.request.url}: {response.status_code} {response.text[:500]}")
    except Exception as error:
        failures.append(str(error) or repr(error))
        ending.set()


def _calls(device_key: str) -> list[Call]:
    """Requests of users, operators, devices, the console and monitoring."""
    holds = {"Authorization": f"Bearer {device_key}"}

    def some(chance: random.Random, count: int) -> dict[str, list[str]]:
        return {"deviceList": [f"{device:015d}" for device in ACCOUNT.some_devices_of(chance, count)]}

    def page(chance: random.Random) -> str:
        return f"{API}?lastSeenDeviceId={ACCOUNT.some_devices_of(chance, 1)[0]:015d}"

    def total(chance: random.Random) -> dict[str, int]:
        return {"licenseCount": ACCOUNT.devices - chance.randrange(20)}

    def check_in(http: httpx.Client, chance: random.Random) -> httpx.Response:
        device = ACCOUNT.some_devices_of(chance, 1)[0]
        return http.post(f"/device/v1/{device:015d}/check-in", json={"firmware": "1"}, headers=holds)

    console = [f"/console/accounts/{ACCOUNT.name}{page}" for page in ("", "/devices", "/ledger")]
    return [
        lambda http, chance: http.post(f"{API}/assign", json=some(chance, 100), headers=USER),
        lambda http, chance: http.post(f"{API}/remove", json=some(chance, 100), headers=USER),
        lambda http, chance: http.get(page(chance), headers=USER),
        lambda http, chance: http.put(f"{CONTROL}/subscription", json=total(chance), headers=ADMIN),
        lambda http, _: http.get(f"{CONTROL}/ledger?limit=1000", headers=ADMIN),
        lambda http, _: http.get(f"{CONTROL}/devices?limit=1000", headers=ADMIN),
        lambda http, chance: http.get(chance.choice(console)),
        lambda http, _: http.get("/metrics"),
        lambda http, _: http.get("/health/ready"),
        *[check_in] * 4,
    ]
