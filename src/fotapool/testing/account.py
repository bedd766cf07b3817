"""One account for one test: calls with both tokens, the operator's views of it, the clock, and assertions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fotapool.testing import assertions
from fotapool.testing.inbox import Inbox
from fotapool.testing.ranges import Ranges
from fotapool.testing.signin import SignIn
from fotapool.testing.views import ClockEvent, Entry, Pool, read_clock_event, read_entry, read_pool

if TYPE_CHECKING:
    import httpx

    from fotapool.testing.server import Server

PAGE = 1000
MAX_PAGES = 1000
"""How many pages of a list are read at most: a million rows."""
LATEST_ENTRIES = 50
"""How much of the ledger stands in the report of a failed test."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an account of a test has. `devices` is how many, or the members of a seed document's device each."""

    licenses: int = 10
    devices: int | Sequence[dict[str, Any]] = 10
    licensed: int = 0
    """How many of the devices, from the first on, hold a license; for `devices` given by number."""
    make: str = "Verizon"
    model: str = "Model-A"
    firmware: str = "1"
    protocol: str = "LWM2M"
    purchase_type: str = "TS-HFOTA-MRC"
    packages: Sequence[dict[str, Any]] = field(default_factory=tuple)
    """Packages of firmware, as in a seed document. They are for all accounts, so give them names of their own."""
    copy_of: str | None = None
    """An account of the server, as its seed or a fixture has prepared it, in place of all others but `packages`."""


class Account:
    """An account that nobody else uses, as `server.account(…)` or the fixture `fotapool` makes it."""

    def __init__(self, server: Server, options: Options, ranges: Ranges) -> None:
        self.server = server
        self.options = options
        self.name = ranges.account_name()
        self.devices: list[str] = []
        """The IMEIs, in the order in which they were imported."""
        self.stay_signed_in = True
        """Whether a call whose tokens have expired, because the clock was moved, signs in again and is sent again."""
        self._ranges = ranges
        self._sign_in: SignIn | None = None
        self._http: httpx.Client | None = None
        self._sdk: Any = None
        self._inbox: Inbox | None = None
        self._create()

    def _create(self) -> None:
        given = self.options
        if given.copy_of is not None:
            self._copy(given.copy_of)
        else:
            self._create_new()
        if given.packages:
            self.server.control.call("POST", "/firmware", list(given.packages))

    def _create_new(self) -> None:
        given = self.options
        self.server.control.call(
            "POST",
            "/accounts",
            {"name": self.name, "purchaseType": given.purchase_type, "licenseCount": given.licenses},
        )
        if isinstance(given.devices, int):
            self.add_devices(given.devices, licensed=given.licensed)
        elif given.devices:
            self.import_devices(given.devices)

    def _copy(self, original: str) -> None:
        control = self.server.control
        control.call("POST", f"/accounts/{original}/copies", {"name": self.name})
        after = ""
        for _ in range(MAX_PAGES):
            page = control.call("GET", f"/accounts/{self.name}/devices?limit={PAGE}{after}")
            self.devices += [row["deviceId"] for row in page["devices"]]
            if not page["hasMoreData"]:
                return
            after = f"&after={self.devices[-1]}"

    # --- devices -----------------------------------------------------------------------------------------------------

    def add_devices(self, count: int, licensed: int = 0, **members: Any) -> list[str]:
        """Imports further devices with IMEIs of their own; answers these."""
        first = self._ranges.imeis(count)
        given = self.options
        common = {"make": given.make, "model": given.model, "firmware": given.firmware, "protocol": given.protocol}
        lines = [
            {"deviceId": f"{first + place:015d}", "licensed": place < licensed, **common, **members}
            for place in range(count)
        ]
        if lines:
            self.import_devices(lines)
        return [str(line["deviceId"]) for line in lines]

    def import_devices(self, lines: Iterable[dict[str, Any]]) -> list[str]:
        """Imports devices, with the members of a seed document's. Raises ValueError with what was wrong."""
        lines = list(lines)
        result = self.server.control.call("POST", f"/accounts/{self.name}/devices", lines)
        if result["failed"]:
            raise ValueError(f"{result['failed']} of {len(lines)} devices were not imported: {result['errors'][:10]}")
        known = set(self.devices)
        given = [str(line["deviceId"]).zfill(15) for line in lines]
        self.devices += [device for device in given if device not in known]
        return given

    # --- what users call ---------------------------------------------------------------------------------------------

    @property
    def sign_in(self) -> SignIn:
        """A client and a user of the account's own, signed in: `.key .secret .username .password .bearer .session`."""
        if self._sign_in is None:
            self._sign_in = SignIn(self.server.control, self.name)
        return self._sign_in

    @property
    def api(self) -> httpx.Client:
        """An httpx client, signed in: `fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}")`."""
        if self._http is None:
            from fotapool.testing.clients import api_client

            self._http = api_client(self)
        return self._http

    @property
    def sdk(self) -> Any:
        """The vendor's Python SDK, signed in and pointed here. Needs the package sdksio-verizon-apis-sdk."""
        if self._sdk is None:
            from fotapool.testing.clients import sdk_client

            self._sdk = sdk_client(self)
        return self._sdk

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a documented call; `path` is below /api/fota. Fails unless the answer is a success."""
        status, answer = self.request(method, path, body)
        assert status < 400, f"{method} /api/fota{path} answered {status}: {answer}"
        return answer

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of a documented call, also of one that is refused."""
        text = None if body is None else json.dumps(body)
        return self.sign_in.request(method, f"/api/fota{path}", text, self.stay_signed_in)

    def assign(self, *devices: str) -> dict[str, Any]:
        """Assigns licenses, by version 3; answers its answer, which says of each device what became of it."""
        answer: dict[str, Any] = self.call("POST", f"/v3/licenses/{self.name}/assign", {"deviceList": list(devices)})
        return answer

    def remove(self, *devices: str) -> dict[str, Any]:
        """Takes licenses away, by version 3."""
        answer: dict[str, Any] = self.call("POST", f"/v3/licenses/{self.name}/remove", {"deviceList": list(devices)})
        return answer

    def subscribe(self, licenses: int) -> dict[str, Any]:
        """Changes the number of licenses, as the operator; answers whose license was reclaimed."""
        answer: dict[str, Any] = self.server.control.call(
            "PUT", f"/accounts/{self.name}/subscription", {"licenseCount": licenses}
        )
        return answer

    # --- callbacks ---------------------------------------------------------------------------------------------------

    @property
    def callbacks(self) -> Inbox:
        """The account's inbox. The first look registers it as the listener of version 3, unless `listen` was called."""
        return self.listen(3) if self._inbox is None else self._inbox

    def listen(self, *versions: int) -> Inbox:
        """Registers the inbox as the listener of these versions."""
        inbox = self.server.receiver.inbox(self.name)
        for version in versions:
            named = {"name": "Fota", "username": "", "password": ""} if version == 1 else {}
            self.call("POST", f"/v{version}/callbacks/{self.name}", {"url": f"{inbox.url}/v{version}", **named})
        self._inbox = inbox
        return inbox

    # --- the clock, which all accounts of a server share -------------------------------------------------------------

    def advance(self, duration: str | timedelta) -> list[ClockEvent]:
        """Moves the clock by "PT20M" or a timedelta; answers what happened on the way, in all accounts, in order."""
        if isinstance(duration, timedelta):
            duration = f"PT{round(duration.total_seconds())}S"
        return self._move({"advance": duration})

    def to(self, moment: str | datetime) -> list[ClockEvent]:
        """Moves the clock to a later moment; a datetime without a zone is UTC."""
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
        return self._move({"to": moment})

    def next(self) -> list[ClockEvent]:
        """Moves the clock to the next thing due."""
        return self._move({"next": True})

    @property
    def now(self) -> datetime:
        """Where the clock stands."""
        return datetime.fromisoformat(self.server.control.call("GET", "/clock")["now"])

    def _move(self, body: dict[str, Any]) -> list[ClockEvent]:
        return [read_clock_event(one) for one in self.server.control.call("POST", "/clock", body)["happened"]]

    # --- what is there -----------------------------------------------------------------------------------------------

    @property
    def pool(self) -> Pool:
        return read_pool(self.server.control.call("GET", f"/accounts/{self.name}"))

    @property
    def licensed(self) -> list[str]:
        """The devices that hold a license, by IMEI."""
        return [row["deviceId"] for row in self._rows("devices", "devices", "deviceId") if row["licensed"]]

    @property
    def ledger(self) -> list[Entry]:
        """Every entry, the oldest first."""
        return [read_entry(row) for row in self._rows("ledger", "entries", "number")]

    def _rows(self, path: str, member: str, cursor: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after = ""
        for _ in range(MAX_PAGES):
            page = self.server.control.call("GET", f"/accounts/{self.name}/{path}?limit={PAGE}{after}")
            rows += page[member]
            if not page["hasMoreData"]:
                break
            after = f"&after={int(rows[-1][cursor])}"
        return rows

    # --- assertions --------------------------------------------------------------------------------------------------

    def assert_pool(self, **members: int) -> None:
        """`assert_pool(used=3, free=2)`; of total, used, free, under_notice, candidates."""
        __tracebackhide__ = True
        assertions.assert_pool(self.pool, members)

    def assert_licensed(self, devices: Iterable[str]) -> None:
        """These devices hold a license, and no others."""
        __tracebackhide__ = True
        assertions.assert_licensed(self.licensed, devices)

    def assert_ledger(self, expected: Iterable[tuple[str, str]]) -> None:
        """The ledger is these pairs of what and device, in order: `assert_ledger([("assigned", "9900…"), …])`."""
        __tracebackhide__ = True
        assertions.assert_ledger(self.ledger, expected)

    def assert_consistent(self) -> None:
        """Every invariant, recomputed from the rows, holds."""
        __tracebackhide__ = True
        assertions.assert_consistent(self.server.control.call("GET", f"/accounts/{self.name}/audit"))

    def describe(self) -> str:
        """The pool and the end of the ledger, as text."""
        return assertions.describe(self.name, self.pool, self.ledger[-LATEST_ENTRIES:])

    def close(self) -> None:
        """Closes the clients. The account stays: a server of tests is thrown away with all it has."""
        if self._http is not None:
            self._http.close()
