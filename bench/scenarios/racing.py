"""Racing changes: several servers on one database, and a load client for each that assigns, removes and reduces."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from bench.support.books import check_books
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, build, operator_request, user_request
from bench.support.processes import Failed, Server, load, serving
from bench.support.report import Figure, Report

SERVERS = 3
CONNECTIONS = 16
DEVICES = 60
ACCOUNTS = 4
BATCH = 4_000
"""Requests of each client between two checks of the servers."""
A_REQUEST_S = 0.5


def measure_racing(report: Report, store: Store, operations: int) -> None:
    """`operations` requests in all, on a few accounts whose subscription goes up and down meanwhile."""
    accounts = [Account(f"race-{number}", FIRST_DEVICE + number * 1_000, 0, DEVICES) for number in range(ACCOUNTS)]
    url = build(store, accounts)
    chance = random.Random(1)
    seconds = done = 0.0
    with ExitStack() as stack, ThreadPoolExecutor(SERVERS) as threads:
        servers = [stack.enter_context(serving(url)) for _ in range(SERVERS)]
        while done < operations:
            count = min(BATCH, -(-int(operations - done) // SERVERS))
            batches = [[_request(chance, chance.choice(accounts)) for _ in range(count)] for _ in servers]
            seconds += max(threads.map(_run, servers, batches))
            done += count * SERVERS
    books = check_books(url)
    store.drop(url)
    section, kind = "race", store.kind
    report.add(Figure(section, kind, f"requests answered, {SERVERS} servers", done, at_least=operations))
    report.add(Figure(section, kind, "rate", done / seconds, "req/s"))
    report.add(Figure(section, kind, "recorded changes", books.changes, at_least=1))
    report.add(Figure(section, kind, "changes that left too many assigned", books.too_many, at_most=0))
    report.add(Figure(section, kind, "gaps in the ledger", books.gaps, at_most=0))
    report.add(Figure(section, kind, "changes dated before the one before", books.backwards, at_most=0))
    report.add(Figure(section, kind, "failed checks of the audit", books.inconsistent, at_most=0))


def _run(server: Server, requests: list[bytes]) -> float:
    """The seconds that the requests took. Raises Failed unless all are answered 200."""
    result = load(server.port, requests, CONNECTIONS, 60 + len(requests) * A_REQUEST_S)
    if result.succeeded != len(requests):
        raise Failed(f"{len(requests) - result.succeeded} requests have no answer")
    return result.seconds


def _request(chance: random.Random, account: Account) -> bytes:
    kind = chance.choices(("assign", "remove", "cancel", "subscription"), (60, 25, 5, 10))[0]
    if kind == "subscription":
        body = json.dumps({"licenseCount": chance.randrange(DEVICES)}).encode()
        return operator_request("PUT", f"/control/v1/accounts/{account.name}/subscription", body)
    devices = [f"{account.first + number:015d}" for number in chance.sample(range(DEVICES), chance.choice((1, 2, 10)))]
    version = 2 if kind == "cancel" else chance.choice((1, 2, 3))
    body = json.dumps({"deviceList": devices}).encode()
    return user_request("POST", f"/api/fota/v{version}/licenses/{account.name}/{kind}", body)
