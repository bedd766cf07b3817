"""What metrics and traces cost: requests with and without them, and a scrape of many accounts."""

from __future__ import annotations

import contextlib
import itertools
import time

import httpx

from bench.scenarios.assign import MANY_ACCOUNTS, Lane, Scale, of_many
from bench.scenarios.callbacks import receiving
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, build, user_request
from bench.support.processes import Server, serving
from bench.support.report import Report, alternate, ratios

SCRAPED_ACCOUNTS = 10_000
SHOWN_ACCOUNTS = 1000
SCRAPES = 20
MAX_COST, MAX_TRACED_COST = 1.03, 1.15
MAX_SCRAPE_MS, MAX_SCRAPE_KIB = 100.0, 1024.0


def measure_monitoring(report: Report, store: Store, scale: Scale) -> None:
    """(m) Processor time of requests without metrics, with them, and with traces of 1 % of the requests."""
    each = -(-(scale.rounds + 1) * scale.small_requests // MANY_ACCOUNTS)
    accounts = [Account(f"bench-{n:05d}", FIRST_DEVICE + n * each, 0, each) for n in range(MANY_ACCOUNTS)]
    url = build(store, accounts)
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(receiving())
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"}
        servers = {
            "without": stack.enter_context(serving(store.copy(url), "--close-metrics")),
            "metrics": stack.enter_context(serving(store.copy(url))),
            "traces": stack.enter_context(serving(store.copy(url), "--otel", environment=traced)),
        }
        lanes = {
            (kind, name): Lane(server, requests, scale.small_requests)
            for name, server in servers.items()
            for kind, requests in (("assign", of_many(accounts)), ("read", itertools.cycle(_reads(accounts))))
        }
        alternate(scale.rounds, {f"{kind}, {name}": lane for (kind, name), lane in lanes.items()})
        for kind in ("assign", "read"):
            bare = lanes[kind, "without"].cpu_us[1:]
            report.add_rounds("m", store.kind, f"processor time, {kind}", bare, "us/req")
            for name, most in (("metrics", MAX_COST), ("traces", MAX_TRACED_COST)):
                share = ratios(lanes[kind, name].cpu_us[1:], bare)
                report.add_rounds("m", store.kind, f"processor time with {name}, {kind}", share, at_most=most)
    store.drop(url)
    _measure_scrape(report, store)


def _reads(accounts: list[Account]) -> list[bytes]:
    return [user_request("GET", f"/api/fota/v3/subscriptions/{account.name}") for account in accounts]


def _measure_scrape(report: Report, store: Store) -> None:
    url = build(store, [Account(f"bench-{n:05d}", FIRST_DEVICE + n, n % 2, 1 - n % 2) for n in range(SCRAPED_ACCOUNTS)])
    with serving(url, "--metrics-accounts", str(SHOWN_ACCOUNTS)) as server:
        took_ms, size_bytes = _scrapes(server)
    name = f"scrape of {SCRAPED_ACCOUNTS:,} accounts, {SHOWN_ACCOUNTS:,} of them shown"
    report.add_rounds("m", store.kind, name, took_ms, "ms", at_most=MAX_SCRAPE_MS)
    report.add_rounds("m", store.kind, f"{name}, size", [size_bytes / 1024], "KiB", at_most=MAX_SCRAPE_KIB)
    store.drop(url)


def _scrapes(server: Server) -> tuple[list[float], int]:
    """What each scrape took (ms), and the bytes of the last one."""
    took_ms, size = [], 0
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"Accept-Encoding": "identity"}) as client:
        for _ in range(SCRAPES):
            began = time.perf_counter()
            size = len(client.get("/metrics").content)
            took_ms.append((time.perf_counter() - began) * 1000)
    return took_ms[1:], size
