"""The license status page of 1,000 rows, and assigning, in pools of different sizes."""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from bench.scenarios.assign import CONNECTIONS, Lane, Scale, of_one
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, build, page_request, sign_in
from bench.support.processes import SERVER_CORES, Server, load, pinned, serving
from bench.support.report import Report, alternate, ratios
from fotapool.api.common.schemas import license_summary
from fotapool.api.common.time_styles import documented
from fotapool.domain.paging import Page
from fotapool.services.licenses.licenses import LicenseStatus
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.licenses.licenses import read_status_page

PAGE = 1000
PAGE_CONNECTIONS = 4
LABELS = {10_000: "10 thousand", 1_000_000: "1 million", 10_000_000: "10 million"}


@dataclass
class Pool:
    """A database with one account of a given size, and its server."""

    size: int
    account: Account
    url: str
    server: Server

    @property
    def label(self) -> str:
        return LABELS[self.size]


def measure_pages(report: Report, store: Store, scale: Scale) -> None:
    """(c) Pages at 10 thousand, 1 million and 10 million licenses, and what assign costs there."""
    sizes = [size for size in LABELS if size <= scale.largest_pool]
    with contextlib.ExitStack() as stack:
        pools = [_open(stack, store, size, scale) for size in sizes]
        _measure_reading(report, store.kind, pools, scale)
        _measure_assigning(report, store.kind, pools, scale)
        for pool in pools:
            report.add_memory("c", store.kind, f"serve, {pool.label}", pool.server.peak_mib)


def _open(stack: contextlib.ExitStack, store: Store, size: int, scale: Scale) -> Pool:
    needed = (scale.rounds + 1) * scale.sized_requests
    account = Account("bench-pool", FIRST_DEVICE, size, needed)
    began = time.monotonic()
    url = build(store, [account])
    stack.callback(store.drop, url)
    print(f"   built {LABELS[size]} licenses in {time.monotonic() - began:.0f} s")
    sign_in(url)
    return Pool(size, account, url, stack.enter_context(serving(url)))


def _measure_reading(report: Report, kind: str, pools: list[Pool], scale: Scale) -> None:
    lanes: dict[str, Callable[[], float]] = {}
    with contextlib.ExitStack() as stack:
        for pool in pools:
            connection = stack.enter_context(contextlib.closing(open_database(pool.url, durable=True).connect()))
            lanes[f"{pool.size}"] = _served_pages(pool, scale.pages)
            lanes[f"{pool.size}, bare"] = _bare_pages(connection, pool, scale.pages)
        times = alternate(scale.rounds, lanes)
    smallest = times[f"{pools[0].size}"]
    for pool in pools:
        served, bare = times[f"{pool.size}"], times[f"{pool.size}, bare"]
        report.add_rounds(
            section="c", database=kind, name=f"page of 1,000, {pool.label} licenses", values=served, unit="ms"
        )
        report.add_rounds(
            section="c", database=kind, name=f"bare query plus encoding, {pool.label}", values=bare, unit="ms"
        )
        times_bare = ratios(served, bare)
        report.add_rounds("c", kind, f"page as a multiple of the bare one, {pool.label}", times_bare, at_most=2.0)
    for pool in pools[1:]:
        growth = ratios(times[f"{pool.size}"], smallest)
        report.add_rounds("c", kind, f"page, {pool.label} to {pools[0].label}", growth, at_most=1.3)


def _served_pages(pool: Pool, count: int) -> Callable[[], float]:
    """Milliseconds per page on a saturated server."""
    requests = itertools.cycle([page_request(pool.account.name, after) for after in pool.account.some_devices(500)])

    def measure() -> float:
        return 1000 / load(pool.server.port, list(itertools.islice(requests, count)), PAGE_CONNECTIONS).rate

    return measure


def _bare_pages(connection: Connection, pool: Pool, count: int) -> Callable[[], float]:
    """Milliseconds per page in this process: query, response structure and JSON only."""
    cursors = itertools.cycle(pool.account.some_devices(500))
    encode = msgspec.json.Encoder().encode

    def measure() -> float:
        gc.collect()
        gc.disable()
        with pinned(SERVER_CORES):
            began = time.perf_counter()
            for cursor in itertools.islice(cursors, count):
                total, used, _, rows = read_status_page(connection, 1, cursor, PAGE + 1)
                del rows[PAGE:]
                status = LicenseStatus(total, used, Page(rows, True, rows[-1][0]))
                encode(license_summary(pool.account.name, status, PAGE, documented))
            ended = time.perf_counter()
        gc.enable()
        return (ended - began) / count * 1000

    return measure


def _measure_assigning(report: Report, kind: str, pools: list[Pool], scale: Scale) -> None:
    lanes = {f"{pool.size}": Lane(pool.server, of_one(pool.account), scale.sized_requests) for pool in pools}
    rates = alternate(scale.rounds, lanes)
    smallest = rates[f"{pools[0].size}"]
    for pool in pools:
        label = f"assign 1 device, {CONNECTIONS} connections, {pool.label} licenses"
        report.add_rounds(section="c", database=kind, name=label, values=rates[f"{pool.size}"], unit="req/s")
    for pool in pools[1:]:
        growth = ratios(smallest, rates[f"{pool.size}"])
        report.add_rounds("c", kind, f"cost of assign, {pool.label} to {pools[0].label}", growth, at_most=1.3)
