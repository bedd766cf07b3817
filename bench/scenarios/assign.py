"""Assigning licenses: one device per request against the no-storage response, 1,000 against the bare transaction."""

from __future__ import annotations

import contextlib
import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from bench.scenarios.bare_transaction import Bare
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, assign_request, build, in_groups, shuffled, sign_in
from bench.support.processes import OPERATOR, Failed, Server, load, serving, serving_without_storage
from bench.support.report import Report, alternate, ratios

CONNECTIONS = 64
LARGE_CONNECTIONS = 16
LARGE = 1000
MANY_ACCOUNTS = 500
MAX_KEYED_COST = 1.10


@dataclass(frozen=True)
class Scale:
    """The size of a run."""

    rounds: int
    quick: bool

    @property
    def small_requests(self) -> int:
        return 8_000 if self.quick else 12_000

    @property
    def large_requests(self) -> int:
        return 48 if self.quick else 64

    @property
    def sized_requests(self) -> int:
        return 2_000 if self.quick else 5_000

    @property
    def pages(self) -> int:
        return 200 if self.quick else 400

    @property
    def largest_pool(self) -> int:
        return 1_000_000 if self.quick else 10_000_000

    @property
    def licensed(self) -> int:
        return 10_000 if self.quick else 200_000


def audit(server: Server, account: str) -> None:
    """Raises Failed if the server's audit finds a violation after the load."""
    url = f"http://127.0.0.1:{server.port}/control/v1/accounts/{account}/audit"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {OPERATOR}"}, timeout=300).json()
    if not answer["consistent"]:
        raise Failed(f"the audit of {account} failed: {answer}")


class Lane:
    """Sends the next requests to a server; returns requests per second, and records their cost."""

    def __init__(self, server: Server, requests: Iterator[bytes], count: int, connections: int = CONNECTIONS) -> None:
        self._server = server
        self._requests = requests
        self._count = count
        self._connections = connections
        self.client_busy: list[float] = []
        self.cpu_us: list[float] = []
        self.p99_ms: list[float] = []

    def __call__(self) -> float:
        cpu_s = self._server.cpu_s
        result = load(self._server.port, list(itertools.islice(self._requests, self._count)), self._connections)
        self.cpu_us.append((self._server.cpu_s - cpu_s) / result.succeeded * 1e6)
        self.client_busy.append(result.busy)
        self.p99_ms.append(result.p99_ms)
        return result.rate


def measure_small(report: Report, store: Store, scale: Scale) -> None:
    """(a) One device per request, on one account and on many, and with an Idempotency-Key."""
    needed = (scale.rounds + 1) * scale.small_requests
    one = Account("bench-one", FIRST_DEVICE, scale.licensed, needed)
    each = -(-needed // MANY_ACCOUNTS)
    many = [Account(f"bench-{n:05d}", one.first + one.devices + n * each, 0, each) for n in range(MANY_ACCOUNTS)]
    keyed = Account("bench-keyed", one.first + 2 * (one.devices + needed), scale.licensed, needed)
    url = build(store, [one, *many, keyed])
    with serving(url) as server, serving_without_storage() as memory:
        count = scale.small_requests
        lanes = {
            "one": Lane(server, of_one(one), count),
            "one, memory": Lane(memory, of_one(one), count),
            "keyed": Lane(server, of_keyed(keyed), count),
            "many": Lane(server, of_many(many), count),
            "many, memory": Lane(memory, of_many(many), count),
        }
        rates = alternate(scale.rounds, lanes)
        for name, label in (("one", "one account"), ("many", f"{MANY_ACCOUNTS} accounts")):
            _report_small(
                report=report,
                kind=store.kind,
                label=label,
                served=lanes[name],
                memory=lanes[f"{name}, memory"],
                rates=rates,
                name=name,
            )
        share = ratios(lanes["keyed"].cpu_us[1:], lanes["one"].cpu_us[1:])
        report.add_rounds("a", store.kind, "processor time with an Idempotency-Key", share, at_most=MAX_KEYED_COST)
        report.add_memory("a", store.kind, "serve", server.peak_mib)
        report.add_memory("a", store.kind, "no storage", memory.peak_mib)
        busiest = max(max(lane.client_busy) for lane in lanes.values())
        report.note(f"the load client was busy {busiest:.0%} of its core at most")
        audit(server, one.name)
        audit(server, many[0].name)
    store.drop(url)


def _report_small(
    report: Report, kind: str, label: str, served: Lane, memory: Lane, rates: dict[str, list[float]], name: str
) -> None:
    report.add_rounds(section="a", database=kind, name=f"assign 1 device, {label}", values=rates[name], unit="req/s")
    report.add_rounds(
        section="a", database=kind, name=f"no-storage answer, {label}", values=rates[f"{name}, memory"], unit="req/s"
    )
    share = ratios(rates[name], rates[f"{name}, memory"])
    report.add_rounds("a", kind, f"share of the no-storage answer, {label}", share, at_least=0.35)
    report.add_rounds(
        section="a", database=kind, name=f"99th percentile of the wait, {label}", values=served.p99_ms[1:], unit="ms"
    )
    report.add_rounds(
        section="a", database=kind, name=f"processor time, {label}", values=served.cpu_us[1:], unit="us/req"
    )
    report.add_rounds(
        section="a",
        database=kind,
        name=f"processor time of the no-storage answer, {label}",
        values=memory.cpu_us[1:],
        unit="us/req",
    )


def of_one(account: Account) -> Iterator[bytes]:
    return (assign_request(account.name, [device]) for device in shuffled(account.spare_devices()))


def of_keyed(account: Account) -> Iterator[bytes]:
    """Assignments of one device, each with a key of its own: a random UUID, as the vendor's SDK sends."""
    chance = random.Random(1)
    for device in shuffled(account.spare_devices()):
        yield assign_request(account.name, [device], str(uuid.UUID(int=chance.getrandbits(128))))


def of_many(accounts: list[Account]) -> Iterator[bytes]:
    waiting = [(account.name, iter(shuffled(account.spare_devices()))) for account in accounts]
    while True:
        for name, devices in waiting:
            device = next(devices, None)
            if device is None:
                return
            yield assign_request(name, [device])


def measure_large(report: Report, store: Store, scale: Scale) -> None:
    """(b) 1,000 devices per request: random and consecutive ones."""
    needed = (scale.rounds + 1) * scale.large_requests * LARGE
    scattered = Account("bench-random", FIRST_DEVICE, scale.licensed, needed)
    row = Account("bench-consecutive", FIRST_DEVICE + scattered.devices, 0, needed)
    url = build(store, [scattered, row])
    recorded, played = store.copy(url), store.copy(url)
    sign_in(url)
    with contextlib.closing(Bare(recorded, played)) as bare, serving(url) as server:
        lanes = {
            **_large_lanes(
                name="random",
                server=server,
                bare=bare,
                account_id=1,
                account=scattered,
                devices=shuffled(scattered.spare_devices()),
                scale=scale,
            ),
            **_large_lanes(
                name="consecutive",
                server=server,
                bare=bare,
                account_id=2,
                account=row,
                devices=row.spare_devices(),
                scale=scale,
            ),
        }
        rates = alternate(scale.rounds, lanes)
        for name in ("random", "consecutive"):
            report.add_rounds(
                section="b", database=store.kind, name=f"assign 1,000 {name} devices", values=rates[name], unit="lic/s"
            )
            report.add_rounds(
                section="b",
                database=store.kind,
                name=f"bare transaction, {name} devices",
                values=rates[f"{name}, bare"],
                unit="lic/s",
            )
            share = ratios(rates[name], rates[f"{name}, bare"])
            report.add_rounds("b", store.kind, f"share of the bare transaction, {name} devices", share, at_least=0.65)
        report.add_memory("b", store.kind, "serve", server.peak_mib)
        audit(server, scattered.name)
        audit(server, row.name)
    for used in (url, recorded, played):
        store.drop(used)


def _large_lanes(
    name: str, server: Server, bare: Bare, account_id: int, account: Account, devices: list[int], scale: Scale
) -> dict[str, Callable[[], float]]:
    served = in_groups(devices, LARGE)
    played = in_groups(devices, LARGE)
    count = scale.large_requests

    def serve() -> float:
        requests = [assign_request(account.name, group) for group, _ in zip(served, range(count), strict=False)]
        return load(server.port, requests, LARGE_CONNECTIONS).rate * LARGE

    def play() -> float:
        requests = [group for group, _ in zip(played, range(count), strict=False)]
        return len(requests) * LARGE / bare.seconds(account_id, account.name, requests)

    return {name: serve, f"{name}, bare": play}
