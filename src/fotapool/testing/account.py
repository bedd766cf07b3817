"""An account for one test: signed-in requests, its state, its callbacks, the clock, and assertions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fotapool.testing import assertions
from fotapool.testing.control import ControlFailed
from fotapool.testing.features.faults import Fault
from fotapool.testing.features.fleets import Fleet, Step, behavior_of, failing_at, put_behavior
from fotapool.testing.features.requests import Requests, read_requests, sent_by_code_under_test
from fotapool.testing.inbox import Inbox
from fotapool.testing.options import Options, check_licensed
from fotapool.testing.ranges import Ranges
from fotapool.testing.signin import SignIn
from fotapool.testing.views import AccountPool, AdvanceEvent, LedgerLine, read_event, read_ledger_line, read_pool
from fotapool.testing.waiting import find_blocked, in_thread, running_loop

if TYPE_CHECKING:
    import httpx

    from fotapool.testing.server import Server

PAGE = 1000
MAX_PAGES = 1000
"""Pages of a list that are read at most: a million rows."""
DEVICE_NOT_FOUND = "Device Not Found."
"""The documented result for a device that the account does not have."""
LATEST_ENTRIES = 50
"""Ledger entries in the report of a failed test."""


class Account:
    """An account that only this test uses; created by `server.account(…)` or the fixture `fotapool`."""

    def __init__(self, server: Server, options: Options, ranges: Ranges) -> None:
        self.server = server
        self.options = options
        self.name = ""
        self.devices: list[str] = []
        """The IMEIs, in the order of their import."""
        self.created_by = ""
        """The id of the request that created the account."""
        self.stay_signed_in = True
        """Whether a request whose tokens expired because the clock was moved is sent again with new tokens."""
        self._ranges = ranges
        self._lock = threading.RLock()
        self._sign_in: SignIn | None = None
        self._http: httpx.Client | None = None
        self._sdk: Any = None
        self._inbox: Inbox | None = None
        self._faults: list[Fault] = []
        self._create()

    def _create(self) -> None:
        given, control = self.options, self.server.control
        if given.copy_of is not None:
            self._claim_name(f"/accounts/{given.copy_of}/copies", lambda: {"name": self.name})
            self.devices = [row["deviceId"] for row in self._rows("devices", "devices", "deviceId")]
        else:
            self._claim_name("/seed", self._seed)
            if not isinstance(given.devices, int) and given.devices:
                self.import_devices(given.devices)
            if given.fleet is not None and self.devices:
                self.simulate(**given.fleet)
        if given.packages:
            control.call("POST", "/firmware", list(given.packages))

    def _seed(self) -> dict[str, Any]:
        """The seed document with the account and its run of devices."""
        given = self.options
        account = {"name": self.name, "purchaseType": given.purchase_type, "licenseCount": given.licenses}
        if isinstance(given.devices, int) and given.devices:
            first = self._ranges.imeis(given.devices)
            self.devices = [f"{first + place:015d}" for place in range(given.devices)]
            run = {"first": self.devices[0], "count": given.devices, "licensed": given.licensed}
            account["devices"] = [{**run, **self._common()}]
        return {"accounts": [account]}

    def _common(self) -> dict[str, str]:
        given = self.options
        return {"make": given.make, "model": given.model, "firmware": given.firmware, "protocol": given.protocol}

    def _claim_name(self, path: str, body: Callable[[], dict[str, Any]]) -> None:
        """Creates the account. If another test run uses the same block of names and IMEIs, changes to another block."""
        while True:
            self.name = self._ranges.account_name()
            try:
                reply = self.server.control.reply("POST", path, body())
            except ControlFailed as error:
                if error.status != 409 or not self._ranges.change_block():
                    raise
            else:
                self.created_by = reply.request_id
                self._ranges.is_claimed = True
                return

    # --- devices -----------------------------------------------------------------------------------------------------

    def add_devices(self, count: int, licensed: int = 0, **members: Any) -> list[str]:
        """Imports `count` more devices with unused IMEIs; returns the IMEIs. `members` are those of a seed document."""
        check_licensed(licensed, count)
        first = self._ranges.imeis(count)
        lines = [
            {"deviceId": f"{first + place:015d}", "licensed": place < licensed, **self._common(), **members}
            for place in range(count)
        ]
        if lines:
            self.import_devices(lines)
        return [str(line["deviceId"]) for line in lines]

    def import_devices(self, lines: Iterable[dict[str, Any]]) -> list[str]:
        """Imports devices as in a seed document; returns their IMEIs. Raises ValueError with the invalid lines."""
        lines = list(lines)
        result = self.server.control.call("POST", f"/accounts/{self.name}/devices", lines)
        if result["failed"]:
            raise ValueError(f"{result['failed']} of {len(lines)} devices were not imported: {result['errors'][:10]}")
        known = set(self.devices)
        given = [str(line["deviceId"]).zfill(15) for line in lines]
        self.devices += [device for device in given if device not in known]
        return given

    def simulate(self, *devices: str, **members: Any) -> None:
        """Simulates these devices, or all: they check in and take upgrades. `members` are those of a seed's fleet.

        Do this before their campaign starts. Raises ControlFailed for wrong members.
        """
        self._check_devices(devices)
        self._change_fleets(devices or self.devices, members)

    def device_fails(self, device: str, at: Step = "install") -> None:
        """Each upgrade of this simulated device fails when it downloads, verifies or installs."""
        failing = failing_at(at)
        self._check_devices([device])
        self._change_fleets([device], {**behavior_of(self._fleets(), device), **failing})

    def upgrade(self, device: str, status: str) -> None:
        """Sets the device's upgrade: scheduled, inProgress, completed, failed or canceled.

        A device without an upgrade, or with a scheduled one, begins it before it completes or fails. Raises
        ControlFailed, for example while the campaign has not started.
        """
        path = f"/accounts/{self.name}/devices/{device}/upgrade"
        if status in ("completed", "failed"):
            try:
                self.server.control.call("PUT", path, {"status": "inProgress"})
            except ControlFailed as error:
                with suppress(ControlFailed):
                    self.server.control.call("PUT", path, {"status": status})
                    return
                raise error from None
        self.server.control.call("PUT", path, {"status": status})

    def _check_devices(self, devices: Iterable[str]) -> None:
        """Raises TypeError for what is no text, and AssertionError for an IMEI that the account does not have."""
        for device in set(assertions.check_imeis(devices)).difference(self.devices):
            try:
                self.server.control.call("GET", f"/accounts/{self.name}/devices/{device}")
            except ControlFailed as error:
                raise AssertionError(f"account {self.name} has no device {device}") from error

    def _fleets(self) -> list[Fleet]:
        fleets: list[Fleet] = self.server.control.call("GET", f"/accounts/{self.name}/fleet")["fleet"]
        return fleets

    def _change_fleets(self, devices: Iterable[str], members: dict[str, Any]) -> None:
        fleet = put_behavior(self._fleets(), devices, members)
        self.server.control.call("PUT", f"/accounts/{self.name}/fleet", {"fleet": fleet})

    # --- requests ----------------------------------------------------------------------------------------------------

    @property
    def sign_in(self) -> SignIn:
        """The account's client and user, signed in: `.key .secret .username .password .bearer .session`."""
        if self._sign_in is None:
            with self._lock:
                if self._sign_in is None:
                    self._sign_in = SignIn(self.server.control, self.name)
        return self._sign_in

    @property
    def api(self) -> httpx.Client:
        """A signed-in httpx client: `fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}")`."""
        if self._http is None:
            from fotapool.testing.clients import api_client

            self._http = api_client(self)
        return self._http

    @property
    def sdk(self) -> Any:
        """The vendor's Python SDK, signed in to this server. Needs the package sdksio-verizon-apis-sdk."""
        if self._sdk is None:
            from fotapool.testing.clients import sdk_client

            self._sdk = sdk_client(self)
        return self._sdk

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a successful request; `path` is below /api/fota. Raises AssertionError for any other."""
        status, answer = self.request(method, path, body)
        assert status < 400, f"{method} /api/fota{path} returned {status}: {answer}"
        return answer

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of a request, whatever its status; `path` is below /api/fota."""
        text = None if body is None else json.dumps(body)
        return self.sign_in.request(method, f"/api/fota{path}", text, self.stay_signed_in)

    async def acall(self, method: str, path: str, body: Any = None) -> Any:
        """As `call`, without blocking the event loop."""
        return await in_thread(self.call, method, path, body)

    def assign(self, *devices: str) -> dict[str, Any]:
        """Assigns licenses (v3); returns the JSON of the response, with the result of each device.

        Raises AssertionError for an IMEI that the account does not have.
        """
        return self._change_licenses("assign", devices)

    def remove(self, *devices: str) -> dict[str, Any]:
        """Removes licenses (v3); returns the JSON of the response. Raises as `assign`."""
        return self._change_licenses("remove", devices)

    def _change_licenses(self, what: str, devices: Iterable[str]) -> dict[str, Any]:
        body = {"deviceList": assertions.check_imeis(devices)}
        answer: dict[str, Any] = self.call("POST", f"/v3/licenses/{self.name}/{what}", body)
        unknown = [row["deviceId"] for row in answer["deviceList"] if row["resultReason"] == DEVICE_NOT_FOUND]
        assert not unknown, f"account {self.name} has no device {', '.join(unknown)}"
        return answer

    def subscribe(self, licenses: int) -> dict[str, Any]:
        """Changes the number of licenses (operator API); returns the JSON, with the reclaimed licenses."""
        answer: dict[str, Any] = self.server.control.call(
            "PUT", f"/accounts/{self.name}/subscription", {"licenseCount": licenses}
        )
        return answer

    @property
    def requests(self) -> Requests:
        """The requests about this account that the code under test has sent, as they are now."""
        return Requests(sent_by_code_under_test(read_requests(self.server.control, account=self.name)))

    def fault(self, path: str | None = None, *, device: str | None = None, **members: Any) -> Fault:
        """Makes requests or callbacks of this account fail until the end of the test.

        `fault("/fota/v3/licenses/*/assign", status=503, times=2)`. Members: method, nth, every, times, probability,
        seed; and the action, one of status (with body, headers), drop, expire_token, latency_ms, callback (with
        by_ms). Raises ControlFailed for wrong ones.
        """
        members = members if path is None else {"path": path, **members}
        fault = Fault(self.server.control, self.name, device, members)
        self._faults.append(fault)
        return fault

    def intercept(self) -> AbstractContextManager[None]:
        """As `server.intercept()`: the vendor's host names lead to the server of this account."""
        return self.server.intercept()

    # --- callbacks ---------------------------------------------------------------------------------------------------

    @property
    def callbacks(self) -> Inbox:
        """The account's inbox. The first use registers it as the listener of v3, unless `listen` was called."""
        with self._lock:
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

    def advance(self, duration: str | timedelta) -> list[AdvanceEvent]:
        """Advances the clock by "PT20M" or a timedelta; returns the events of all accounts that were due, in order."""
        if isinstance(duration, timedelta):
            duration = f"PT{round(duration.total_seconds())}S"
        return self._move({"advance": duration})

    def to(self, time: str | datetime) -> list[AdvanceEvent]:
        """Sets the clock to a later time; a datetime without a time zone is UTC. Returns the events that were due."""
        if isinstance(time, datetime):
            time = (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
        return self._move({"to": time})

    def next(self) -> list[AdvanceEvent]:
        """Advances the clock to the next event that is due; returns what was due then."""
        return self._move({"next": True})

    async def aadvance(self, duration: str | timedelta) -> list[AdvanceEvent]:
        """As `advance`, without blocking the event loop, which may have to answer callbacks meanwhile."""
        return await in_thread(self.advance, duration)

    async def ato(self, time: str | datetime) -> list[AdvanceEvent]:
        """As `to`, without blocking the event loop."""
        return await in_thread(self.to, time)

    async def anext(self) -> list[AdvanceEvent]:
        """As `next`, without blocking the event loop."""
        return await in_thread(self.next)

    @property
    def now(self) -> datetime:
        """The clock's time."""
        return datetime.fromisoformat(self.server.control.call("GET", "/clock")["now"])

    def _move(self, body: dict[str, Any]) -> list[AdvanceEvent]:
        """Moves the clock. The server answers when all callbacks that were due are delivered."""
        loop = running_loop()
        if loop is not None:
            listeners = self.server.control.call("GET", f"/accounts/{self.name}/listeners")["listeners"]
            url = find_blocked(loop, [one["url"] for one in listeners])
            if url is not None:
                raise RuntimeError(
                    f"moving the clock would block the event loop that has to answer callbacks to {url}; "
                    "use `await account.aadvance(…)`, `ato(…)` or `anext()`"
                )
        return [read_event(one) for one in self.server.control.call("POST", "/clock", body)["happened"]]

    # --- state -------------------------------------------------------------------------------------------------------

    @property
    def pool(self) -> AccountPool:
        return read_pool(self.server.control.call("GET", f"/accounts/{self.name}"))

    @property
    def licensed(self) -> list[str]:
        """The devices that hold a license, by IMEI."""
        return [row["deviceId"] for row in self._rows("devices", "devices", "deviceId") if row["licensed"]]

    @property
    def ledger(self) -> list[LedgerLine]:
        """All entries, oldest first."""
        return [read_ledger_line(row) for row in self._rows("ledger", "entries", "number")]

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
        """Asserts counts: any of total, used, free, under_notice, candidates, as in `assert_pool(used=3, free=2)`."""
        __tracebackhide__ = True
        assertions.assert_pool(self.pool, members)

    def assert_licensed(self, devices: Iterable[str]) -> None:
        """Asserts that exactly these devices hold a license."""
        __tracebackhide__ = True
        assertions.assert_licensed(self.licensed, devices)

    def assert_ledger(self, expected: Iterable[tuple[str, str]]) -> None:
        """Asserts the whole ledger, as pairs of change and device: `assert_ledger([("assigned", "9900…"), …])`."""
        __tracebackhide__ = True
        assertions.assert_ledger(self.ledger, expected)

    def assert_consistent(self) -> None:
        """Asserts that every invariant holds, recomputed from the database."""
        __tracebackhide__ = True
        assertions.assert_consistent(self.server.control.call("GET", f"/accounts/{self.name}/audit"))

    def describe(self) -> str:
        """The pool and the latest ledger entries, as text."""
        return assertions.describe(self.name, self.pool, self.ledger[-LATEST_ENTRIES:])

    def close(self) -> None:
        """Ends the faults and closes the clients. The account is not deleted; it ends with the server."""
        for fault in self._faults:
            fault.delete()
        if self._http is not None:
            self._http.close()
