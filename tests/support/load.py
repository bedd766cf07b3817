"""Clients that change licenses and subscriptions while a test does something to the database, and their books."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from support.helpers import OPERATOR, Api
from support.ledgers import ACCOUNTS, assert_ledger_adds_up, client_of, imei, license_request, successes
from support.processes import ServerProcess, wait_until

CLIENTS = 4
DEVICES = 40
LICENSES = 1_000
ANSWERED_WITHIN_S = 30
MAX_REQUESTS = 20_000
PAUSE_S = 0.1
"""After an answer 503, so that the clients do not keep the machine busy."""
SHARED = ACCOUNTS[-1]
"""All clients change it, each its own devices; every client also has an account of its own."""


@dataclass
class Asked:
    """A request and its answer."""

    id: str
    account: str
    raised_to: int
    """The total that an operator asks for; 0 for an assign or a remove."""
    status: int
    changed: list[str]


class Client:
    """One client: it assigns and removes licenses by turns, and raises its account's subscription as an operator."""

    def __init__(self, place: int, address: str, tokens: dict[str, str]) -> None:
        self.place = place
        self.account = ACCOUNTS[place]
        self.asked: list[Asked] = []
        self.failures: list[str] = []
        self._tokens = tokens
        self._address = address
        self._number = 0
        self._licensed: set[str] = set()
        self._total = LICENSES

    def run(self, ended: threading.Event) -> None:
        with httpx.Client(base_url=self._address, timeout=ANSWERED_WITHIN_S, trust_env=False) as http:
            while not ended.is_set() and not self.failures and self._number < MAX_REQUESTS:
                try:
                    asked = self._ask(http)
                except httpx.HTTPError as error:
                    self.failures.append(f"request {self._number}: {error!r}")
                    return
                self.asked.append(asked)
                if asked.status == 503:
                    ended.wait(PAUSE_S)
                elif asked.status != 200:
                    self.failures.append(f"request {self._number} was answered {asked.status}")

    def _ask(self, http: httpx.Client) -> Asked:
        self._number += 1
        request_id = f"client-{self.place}-{self._number}"
        if self._number % 5 == 0:
            self._total += 1
            path, body = f"/control/v1/accounts/{self.account}/subscription", {"licenseCount": self._total}
            headers = {"X-Request-Id": request_id, "Authorization": f"Bearer {OPERATOR}"}
            response = self._checked(http.put(path, json=body, headers=headers))
            return Asked(request_id, self.account, self._total, response.status_code, [])
        account = SHARED if self._number % 2 else self.account
        first = self.place * DEVICES + self._number // 2 % DEVICES
        device = imei(account, first)
        verb = "remove" if device in self._licensed else "assign"
        _, path, body = license_request(verb, 1 + self._number % 3, account, [device])
        response = self._checked(http.post(path, json=body, headers={"X-Request-Id": request_id, **self._tokens}))
        changed = successes(response.json()) if response.status_code == 200 else []
        if response.status_code == 200:
            self._licensed ^= {device}  # also where an earlier request was done that had been answered 503
        return Asked(request_id, account, 0, response.status_code, changed)

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.status_code == 503 and "retry-after" not in response.headers:
            self.failures.append("503 without Retry-After")
        return response

    def count(self, status: int) -> int:
        return sum(asked.status == status for asked in self.asked)


class Load:
    """Clients of some servers, each of which has every one's tokens."""

    def __init__(self, addresses: list[str], signed_in: Api) -> None:
        self.clients = [Client(place, addresses[place % len(addresses)], signed_in.tokens) for place in range(CLIENTS)]
        self._ended = threading.Event()
        self._before: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def running(self, before: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Runs the clients, each in a thread that calls `before` first. All requests are answered at the end."""

        def run(client: Client) -> None:
            before()
            client.run(self._ended)

        threads = [threading.Thread(target=run, args=(client,)) for client in self.clients]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
        self._check()

    def _check(self) -> None:
        assert not any(client.failures for client in self.clients), [client.failures for client in self.clients]

    def wait_for(self, status: int, more: int) -> None:
        """Waits until each client has this many more answers of the status."""
        enough = [client.count(status) + more for client in self.clients]

        def there() -> bool:
            self._check()
            return all(client.count(status) >= wanted for client, wanted in zip(self.clients, enough, strict=True))

        wait_until(there, f"{more} answers {status} to each client")

    @property
    def asked(self) -> list[Asked]:
        return [asked for client in self.clients for asked in client.asked]

    def done_without_an_answer(self, api: Api) -> set[str]:
        """Checks that every answered change is there; returns the changes that were answered 503 and are there too."""
        done: dict[str, list[str]] = {}
        for account in {asked.account for asked in self.asked}:
            for entry in assert_ledger_adds_up(api, account):
                done.setdefault(entry["requestId"], []).append(entry["deviceId"])
        answered = [asked for asked in self.asked if asked.status == 200 and not asked.raised_to]
        lost = [asked for asked in answered if done.get(asked.id, []) != asked.changed]
        assert not lost, lost
        for client in self.clients:
            raises = [asked for asked in client.asked if asked.raised_to]
            last = max((asked.raised_to for asked in raises if asked.status == 200), default=LICENSES)
            possible = {asked.raised_to for asked in raises if asked.status == 503} | {last}
            assert api.pool(client.account)["licenseCount"] in possible
        assert done.keys() <= {asked.id for asked in self.asked}
        return {asked.id for asked in self.asked if asked.status == 503 and asked.id in done}


def load_on(*servers: ServerProcess) -> Load:
    with client_of(servers[0].address) as api:
        return Load([server.address for server in servers], api)


class Watch:
    """Reads a server's readiness and metric all the time, and notes when they change."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._began_s = time.monotonic()
        self.seen: list[tuple[float, bool, bool]] = []
        """When each change was seen, in seconds of `time.monotonic`; whether ready, and whether the metric says up."""

    @contextlib.contextmanager
    def running(self, before: Callable[[], None] = lambda: None) -> Iterator[None]:
        ended = threading.Event()

        def run() -> None:
            before()
            with httpx.Client(base_url=self._address, timeout=ANSWERED_WITHIN_S, trust_env=False) as http:
                while not ended.wait(0.05):
                    state = self._state(http)
                    if not self.seen or self.seen[-1][1:] != state:
                        self.seen.append((time.monotonic(), *state))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _state(self, http: httpx.Client) -> tuple[bool, bool]:
        ready = http.get("/health/ready")
        assert ready.status_code == 200 or ready.headers["retry-after"], ready.text
        return ready.status_code == 200, "fotapool_database_up 1.0" in http.get("/metrics").text

    def wait_until(self, up: bool) -> float:
        """Waits until both say so; returns when that was, in seconds of `time.monotonic`."""
        wait_until(lambda: self.seen and self.seen[-1][1:] == (up, up), f"readiness and metric say {up}")
        return self.seen[-1][0]


def describe(what: str, **seconds: Any) -> None:
    """Prints figures; pytest shows them with -s."""
    print(f"{what}: " + ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items()))
