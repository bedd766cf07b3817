"""Racing changes, with servers killed under load in the second measure.

Several servers on one database, and a load client for each that assigns, removes and reduces. After a kill, what was
answered is in the ledger once and whole, the rest once or not at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.support.books import check_books, count_by_request
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


A_REQUEST = 5
MIN_S, MAX_S = 0.2, 1.0
"""How long a server lives under load; when it dies is chance."""


@dataclass
class _History:
    """The requests sent, and the answered ones, with the number of their devices that changed."""

    account: Account
    sent: int = 0
    answered: dict[str, int] = field(default_factory=dict)

    def next_request(self, connection: int) -> tuple[str, bytes]:
        """A request of devices of the connection's own: an assignment, then the removal of the same devices."""
        self.sent += 1
        name = f"kill-{self.sent}"
        own = self.account.first + connection * A_REQUEST
        body = json.dumps({"deviceList": [f"{own + number:015d}" for number in range(A_REQUEST)]}).encode()
        verb = ("assign", "remove")[self.sent // CONNECTIONS % 2]
        path = f"/api/fota/v3/licenses/{self.account.name}/{verb}"
        return name, user_request("POST", path, body, {"X-Request-Id": name})


def measure_killing(report: Report, store: Store, kills: int) -> None:
    """A server a kill, each on what the one before has left."""
    account = Account("kill", FIRST_DEVICE, 0, CONNECTIONS * A_REQUEST)
    url = build(store, [account])
    history, chance = _History(account), random.Random(1)
    for _ in range(kills):
        with serving(url) as server:
            asyncio.run(_load_until_killed(server, history, chance.uniform(MIN_S, MAX_S)))
    with serving(url):
        pass  # it starts on what is left
    changes, entries = count_by_request(url)
    books = check_books(url)
    store.drop(url)
    lost = sum(entries.get(name, 0) != count for name, count in history.answered.items())
    cut_off = [name for name in changes if name.startswith("kill-") and name not in history.answered]
    section, kind = "kill", store.kind
    report.add(Figure(section, kind, "kill -9 under load", kills, at_least=kills))
    report.add(Figure(section, kind, "requests sent", history.sent))
    report.add(Figure(section, kind, "changes answered", len(history.answered), at_least=kills))
    report.add(Figure(section, kind, "answered changes lost or different in the ledger", lost, at_most=0))
    report.add(Figure(section, kind, "changes done that the kill left unanswered", len(cut_off)))
    halves = sum(entries.get(name, 0) not in (0, A_REQUEST) for name in cut_off)
    report.add(Figure(section, kind, "of these, done in part", halves, at_most=0))
    twice = sum(count > 1 for name, count in changes.items() if name.startswith("kill-"))
    report.add(Figure(section, kind, "requests done twice", twice, at_most=0))
    wrong = books.too_many + books.gaps + books.backwards + books.inconsistent
    report.add(Figure(section, kind, "faults in the books", wrong, at_most=0))


async def _load_until_killed(server: Server, history: _History, seconds: float) -> None:
    clients = [asyncio.create_task(_client(server.port, history, number)) for number in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    os.killpg(server.process.pid, signal.SIGKILL)
    await asyncio.gather(*clients)


async def _client(port: int, history: _History, number: int) -> None:
    """Sends requests one after the other until the server is gone; remembers the whole answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            name, request = history.next_request(number)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            history.answered[name] = sum(row["resultReason"] == "Success" for row in answer["deviceList"])
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
