"""One server for all tests of a module on each database; each test takes an account of its own."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from support.helpers import ACCOUNT, KEY, NOW_MS, OPERATOR, PASSWORD, SECRET, USER, Api, seed_file
from support.servers import DATABASES, ServerInThread, prepared_database

ACCOUNTS = 150
"""How many tests of a module can have an account of their own."""
TOTAL, DEVICES = 5, 20
"""Licenses and devices of each of these accounts."""
PAGE_SIZE, MAX_DEVICES, MAX_BODY_BYTES = 3, 300, 256 * 1024

SECOND_KEY = "second-key"
STRANGER = "trillian"
FOREIGN, SUSPENDED, EVENT_ONLY, LEADING_ZEROS = "0402196254-00001", "0000000001-00001", "0000000002-00001", "0-zeros"
FOREIGN_DEVICE, UNKNOWN_DEVICE = "880000000000000", "111111111111111"
KNOWN_TIME = "2017-11-29T20:15:42.738Z"
ZEROS = [f"{number:015d}" for number in (998, 999, 1000, 1001, 1002)]
"""The devices of LEADING_ZEROS: all licensed at KNOWN_TIME but the last, whose time is not known."""


def _name(number: int) -> str:
    return f"05{number:08d}-00001"


def _first(number: int) -> int:
    return 700_000_000_000_000 + 1000 * number


def _seed() -> dict[str, Any]:
    own = [
        {"name": _name(number), "licenseCount": TOTAL, "devices": [{"first": f"{_first(number)}", "count": DEVICES}]}
        for number in range(ACCOUNTS)
    ]
    special: list[dict[str, Any]] = [
        {"name": ACCOUNT, "licenseCount": 1},
        {"name": SUSPENDED, "licenseCount": 1},
        {"name": EVENT_ONLY, "purchaseType": "TS-HFOTA-EVNT", "devices": [{"deviceId": "600000000000000"}]},
        {
            "name": LEADING_ZEROS,
            "purchaseType": "TS-HFOTA-MRC,TS-HFOTA-EVNT",
            "licenseCount": len(ZEROS),
            "devices": [
                {"deviceId": device, "licensedAt": "unknown" if device == ZEROS[-1] else KNOWN_TIME} for device in ZEROS
            ],
            "candidates": ZEROS,
        },
    ]
    foreign = {"name": FOREIGN, "licenseCount": 5, "devices": [{"first": FOREIGN_DEVICE, "count": 5, "licensed": 2}]}
    return {
        "clients": [{"key": KEY, "secret": SECRET}, {"key": SECOND_KEY, "secret": SECRET}],
        "users": [
            {"username": USER, "password": PASSWORD, "accounts": [account["name"] for account in own + special]},
            {"username": STRANGER, "password": PASSWORD, "accounts": [FOREIGN]},
        ],
        "accounts": [*own, *special, foreign],
    }


def filled(path: str, account: str, index: str = "x") -> str:
    """The path with its account and index, and something in place of whatever else it names."""
    return path.format_map(defaultdict(lambda: "x", account=account, index=index))


@dataclass(frozen=True)
class Own:
    """An account that no other test touches: TOTAL licenses, none assigned, and DEVICES devices."""

    api: Api
    account: str
    first: int

    def device(self, number: int) -> str:
        return f"{self.first + number:015d}"

    def devices(self, *numbers: int) -> list[str]:
        return [self.device(number) for number in numbers]

    def call(self, version: int, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A documented operation; `{account}` in the path is this account."""
        return self.api.call(method, f"/v{version}{path.format(account=self.account)}", body, **options)

    def post(self, version: int, verb: str, devices: list[str], **members: str) -> httpx.Response:
        response = self.call(version, "POST", f"/licenses/{{account}}/{verb}", {"deviceList": devices, **members})
        assert response.status_code == 200, response.text
        return response

    def upgrade(self, number: int, *states: str) -> None:
        for state in states:
            path = f"/accounts/{self.account}/devices/{self.device(number)}/upgrade"
            assert self.api.control("PUT", path, {"status": state}).status_code == 200

    def state(self) -> tuple[Any, ...]:
        """All that a request could have changed."""
        candidates = self.call(2, "GET", "/licenses/{account}/cancel").json()
        return self.api.pool(self.account), self.api.ledger(self.account), candidates


@pytest.fixture(scope="module", params=DATABASES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The module's server, signed in. Its clock stands still: nobody moves it."""
    directory = tmp_path_factory.mktemp("wire")
    with prepared_database(request, directory, "wire") as url:
        settings = Settings(
            database=url,
            emulator=True,
            operator_key=OPERATOR,
            seed=seed_file(directory, _seed()),
            storage=(directory / "files").as_uri(),
            page_size=PAGE_SIZE,
            max_devices_per_request=MAX_DEVICES,
            max_body_bytes=MAX_BODY_BYTES,
        )
        server = Server(settings, MovableClock(FixedClock(NOW_MS)))
        running = ServerInThread(server)
        api = Api(running.client, server)
        api.sign_in()
        api.control("PUT", f"/accounts/{SUSPENDED}/status", {"status": "suspended"})
        yield api
        running.stop()


@pytest.fixture(scope="module")
def _unused_accounts(shared: Api) -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def own(shared: Api, _unused_accounts: Iterator[int]) -> Own:
    number = next(_unused_accounts)
    return Own(shared, _name(number), _first(number))
