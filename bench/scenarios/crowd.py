"""A signed-in client beside an attacking crowd, compared with the same client alone."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from bench.scenarios.assign import Lane, Scale, audit, of_one
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, build
from bench.support.processes import CLIENT_CORES, START_WITHIN_S, Failed, Server, pin, serving
from bench.support.report import Report, alternate, ratios

CONNECTIONS = 16
"""Of the signed-in client."""
ATTACKERS = 400
SHARE, P99_MS = 0.5, 1000
REQUESTS, QUICK_REQUESTS = 12_000, 6_000
GATHER_S = 12
"""How long the crowd is there before the client's requests begin: longer than the server waits for a head."""
CROWD_S = 600


def measure_crowd(report: Report, store: Store, scale: Scale) -> None:
    """(l) A signed-in client assigns one device a request, alone and beside the crowd."""
    count = QUICK_REQUESTS if scale.quick else REQUESTS
    account = Account("bench-crowd", FIRST_DEVICE, scale.licensed, 2 * (scale.rounds + 1) * count)
    url = build(store, [account])
    with serving(url) as server:
        requests, ended = of_one(account), Counter[str]()
        alone, beside = (Lane(server, requests, count, CONNECTIONS) for _ in range(2))

        def attacked() -> float:
            with _crowd(server, ended):
                return beside()

        lanes: dict[str, Callable[[], float]] = {"alone": alone, "beside": attacked}
        rates = alternate(scale.rounds, lanes)
        share = ratios(rates["beside"], rates["alone"])
        cost = ratios(alone.cpu_us[1:], beside.cpu_us[1:])
        waits = {"alone": alone.p99_ms[1:], "beside": beside.p99_ms[1:]}
        add = functools.partial(report.add_rounds, "l", store.kind)
        add("assign 1 device, no crowd", rates["alone"], "req/s")
        add(f"assign 1 device, beside {ATTACKERS} attackers", rates["beside"], "req/s")
        add("share of the rate beside the crowd", share, at_least=SHARE)
        add("share of the server's processor time beside the crowd", cost, at_least=SHARE)
        add("99th percentile of the wait, no crowd", waits["alone"], "ms")
        add("99th percentile of the wait, beside the crowd", waits["beside"], "ms", at_most=P99_MS)
        report.note("attempts of the crowd: " + ", ".join(f"{kind} {number:,}" for kind, number in ended.most_common()))
        report.add_memory("l", store.kind, "serve", server.peak_mib)
        audit(server, account.name)
    store.drop(url)


@contextlib.contextmanager
def _crowd(server: Server, ended: Counter[str]) -> Iterator[None]:
    """Has the crowd attack, and adds up the attempts that ended."""
    command = [sys.executable, "-m", "bench.support.crowd", str(server.port), str(CROWD_S), str(ATTACKERS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin(CLIENT_CORES))
    try:
        time.sleep(GATHER_S)
        if process.poll() is not None:
            raise Failed("the crowd did not start")
        yield
        process.terminate()
        text, _ = process.communicate(timeout=START_WITHIN_S * 3)
        ended.update(json.loads(text))
    finally:
        process.kill()
        process.wait()
