"""Clients of fotapool that assign, remove and raise, and the books of what they were answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

CLIENTS = 6
DEVICES = 100
LICENSES = 1_000
ANSWERED_WITHIN_S = 30
KEY, SECRET, USER, PASSWORD = "drill", "drill-secret", "drill", "drill-password"
OPERATOR_KEY = "drill-operator-key"
ACCOUNTS = [f"account-{number}" for number in range(CLIENTS)]


def device(account: int, number: int) -> str:
    return f"{700_000_000_000_000 + account * 1_000_000 + number}"


def seed() -> dict[str, Any]:
    """An account for each client, of one user."""
    accounts = [
        {"name": name, "licenseCount": LICENSES, "devices": [{"first": device(number, 0), "count": DEVICES}]}
        for number, name in enumerate(ACCOUNTS)
    ]
    users = [{"username": USER, "password": PASSWORD, "accounts": ACCOUNTS}]
    return {"clients": [{"key": KEY, "secret": SECRET}], "users": users, "accounts": accounts}


def sign_in(address: str) -> dict[str, str]:
    """The headers of the documented API."""
    with httpx.Client(base_url=address, trust_env=False, timeout=ANSWERED_WITHIN_S) as http:
        form = {"grant_type": "client_credentials"}
        bearer = http.post("/api/ts/v1/oauth2/token", auth=(KEY, SECRET), data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {bearer}"}
        body = {"username": USER, "password": PASSWORD}
        session = http.post("/api/m2m/v1/session/login", json=body, headers=headers).json()["sessionToken"]
        return {**headers, "VZ-M2M-Token": session}


@dataclass
class Client:
    """One client and what it was answered. A request that fails in any other way than 503 ends it."""

    number: int
    address: str
    tokens: dict[str, str]
    answered: dict[str, list[str]] = field(default_factory=dict)
    """By the request's id: the devices whose license it changed."""
    refused: set[str] = field(default_factory=set)
    """The ids of the requests that were answered 503."""
    raised_to: list[int] = field(default_factory=list)
    longest_gap_s: float = 0.0
    failure: str = ""

    def run(self, ended: threading.Event) -> None:
        count, licensed, last_s = 0, set[str](), time.monotonic()
        with httpx.Client(base_url=self.address, trust_env=False, timeout=ANSWERED_WITHIN_S) as http:
            while not ended.is_set():
                count += 1
                request_id = f"drill-{self.number}-{count}"
                try:
                    done = self._raise(http, request_id) if count % 5 == 0 else self._move(http, request_id, licensed)
                except (httpx.HTTPError, ValueError) as error:
                    self.failure = f"{request_id}: {error!r}"
                    return
                if not done:
                    ended.wait(0.1)
                    continue
                now_s = time.monotonic()
                self.longest_gap_s, last_s = max(self.longest_gap_s, now_s - last_s), now_s

    def _raise(self, http: httpx.Client, request_id: str) -> bool:
        total = LICENSES + len(self.raised_to) + 1
        headers = {"Authorization": f"Bearer {OPERATOR_KEY}", "X-Request-Id": request_id}
        path = f"/control/v1/accounts/{ACCOUNTS[self.number]}/subscription"
        if not self._is_done(http.put(path, json={"licenseCount": total}, headers=headers), request_id):
            return False
        self.raised_to.append(total)
        return True

    def _move(self, http: httpx.Client, request_id: str, licensed: set[str]) -> bool:
        """Assigns a device's license, or removes it."""
        imei = device(self.number, len(self.answered) % DEVICES)
        verb = "remove" if imei in licensed else "assign"
        headers = {**self.tokens, "X-Request-Id": request_id}
        path = f"/api/fota/v3/licenses/{ACCOUNTS[self.number]}/{verb}"
        response = http.post(path, json={"deviceList": [imei]}, headers=headers)
        if not self._is_done(response, request_id):
            return False
        rows = response.json()["deviceList"]
        self.answered[request_id] = [row["deviceId"] for row in rows if row["resultReason"] == "Success"]
        licensed ^= {imei}
        return True

    def _is_done(self, response: httpx.Response, request_id: str) -> bool:
        if response.status_code == 503:
            self.refused.add(request_id)
        elif response.status_code != 200:
            raise ValueError(f"answered {response.status_code}: {response.text}")
        return response.status_code == 200

    @property
    def acknowledged(self) -> int:
        return len(self.answered) + len(self.raised_to)


class Load:
    """Clients that share some servers, each in a thread."""

    def __init__(self, addresses: Sequence[str]) -> None:
        tokens = sign_in(addresses[0])
        self.clients = [
            Client(number, addresses[number % len(addresses)], tokens) for number in range(CLIENTS)
        ]  # the servers share the database, and so the sign-in
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=client.run, args=(self._ended,)) for client in self.clients]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def counts(self) -> list[int]:
        return [client.acknowledged for client in self.clients]

    def has_more_than(self, counts: list[int], more: int) -> bool:
        """Whether each client has so many more answers; raises SystemExit if one has failed."""
        failed = [client.failure for client in self.clients if client.failure]
        if failed:
            raise SystemExit(f"a client failed: {failed}")
        return all(now >= before + more for now, before in zip(self.counts(), counts, strict=True))

    def take_longest_gap_s(self) -> float:
        """The longest time in which a client had no change done, since the last call."""
        found = max(client.longest_gap_s for client in self.clients)
        for client in self.clients:
            client.longest_gap_s = 0.0
        return found


@dataclass
class Books:
    """What an account's client was answered, and what the database has."""

    account: str
    acknowledged: int
    found: int
    refused: int
    refused_but_done: int
    total_is_right: bool
    consistent: bool

    @property
    def lost(self) -> int:
        return self.acknowledged - self.found


def read_books(address: str, client: Client) -> Books:
    """Compares the client's answers with the account's ledger and total, and runs the audit of the account."""
    account = ACCOUNTS[client.number]
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    with httpx.Client(base_url=f"{address}/control/v1/accounts/{account}", headers=headers, trust_env=False) as http:
        done: dict[str, list[str]] = {}
        last = 0
        while entries := http.get(f"/ledger?limit=1000&after={last}").json()["entries"]:
            for entry in entries:
                done.setdefault(entry["requestId"], []).append(entry["deviceId"])
            last = entries[-1]["number"]
        total = http.get("").json()["licenseCount"]
        audit = http.get("/audit").json()
    raised = client.raised_to[-1] if client.raised_to else LICENSES
    found = sum(done.get(request_id, []) == changed for request_id, changed in client.answered.items())
    return Books(
        account=account,
        acknowledged=client.acknowledged,
        found=found + sum(raise_to <= total for raise_to in client.raised_to),
        refused=len(client.refused),
        refused_but_done=len(client.refused & done.keys()),
        total_is_right=total in (raised, raised + 1),  # the next one may have been answered 503 and be done
        consistent=audit["consistent"],
    )
