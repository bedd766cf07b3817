"""Clients that change licenses and subscriptions while a test does something to the database, and their books."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from click.testing import CliRunner

from fotapool.cli.main import main
from support.helpers import OPERATOR, Api
from support.ledgers import ACCOUNTS, assert_ledger_adds_up, client_of, imei, license_request, successes
from support.processes import NO_AUTHORITIES, ServerProcess, wait_until

CLIENTS = 4
DEVICES = 40
LICENSES = 1_000
ANSWERED_WITHIN_S = 30
MAX_REQUESTS = 20_000
PAUSE_S = 0.1
"""After an answer 503, so that the clients do not keep the machine busy."""
SHARED = ACCOUNTS[-1]
"""All clients change it, each its own devices; every client also has an account of its own."""

UNKNOWN = "the changes were committed or rolled back"
"""What the log says of a batch whose commit may have been done; its changes are answered 503 as well."""


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
        with new_client(self._address) as http:
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

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs the clients, each in a thread. All requests are answered at the end."""
        threads = [threading.Thread(target=client.run, args=(self._ended,)) for client in self.clients]
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


def new_client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=ANSWERED_WITHIN_S, trust_env=False, verify=NO_AUTHORITIES)


def load_on(*servers: ServerProcess) -> Load:
    with client_of(servers[0].address) as api:
        return Load([server.address for server in servers], api)


class Watch:
    """Reads a server's readiness and metric all the time, and notes when they change."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._seen: dict[str, tuple[float, bool]] = {}
        """Since when each of the two says what it says, in seconds of `time.monotonic`."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        ended = threading.Event()

        def run(path: str, words: str) -> None:
            with new_client(self._address) as http:
                while not ended.wait(0.05):
                    up = words in http.get(path).text
                    if path not in self._seen or self._seen[path][1] != up:
                        self._seen[path] = time.monotonic(), up

        asked = {"/health/ready": '"ready":true', "/metrics": "fotapool_database_up 1.0"}
        threads = [threading.Thread(target=run, args=one) for one in asked.items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def wait_until(self, up: bool) -> float:
        """Waits until both say so; returns when the later one did, in seconds of `time.monotonic`."""
        wait_until(lambda: [seen[1] for seen in self._seen.values()] == [up, up], f"readiness and metric say {up}")
        return max(seen[0] for seen in self._seen.values())


def assert_books_balance(load: Load, url: str, *servers: ServerProcess) -> None:
    """Nothing that was answered is lost; what was refused was not done, unless the log says that this is not known."""
    with client_of(servers[0].address) as api:
        found = load.done_without_an_answer(api)
    assert not found or any(UNKNOWN in server.log for server in servers), found
    if url.startswith("sqlite"):  # only the server sees the file
        return
    done = CliRunner().invoke(main, ["database", "verify", "--database", url])
    assert (done.output, done.exit_code) == ("10 accounts, 0 violations\n", 0), done.output


def describe(what: str, **seconds: Any) -> None:
    """Prints figures; pytest shows them with -s."""
    print(f"{what}: " + ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items()))


def interrupt(
    serve: Callable[..., ServerProcess],
    url: str,
    begin: Callable[[], object],
    end: Callable[[], object],
) -> None:
    """Changes are refused between `begin` and `end`, which are of no more consequence."""
    server = serve(url)
    load, watch = load_on(server), Watch(server.address)
    with watch.running(), load.running():
        load.wait_for(200, more=5)
        watch.wait_until(up=True)
        began_s = time.monotonic()
        begin()
        noticed_s = watch.wait_until(up=False)
        load.wait_for(503, more=1)
        ended_s = time.monotonic()
        end()
        load.wait_for(200, more=10)
        back_s = watch.wait_until(up=True)
    describe("interrupted", not_ready_after=noticed_s - began_s, back_after=back_s - ended_s)
    assert_books_balance(load, url, server)
