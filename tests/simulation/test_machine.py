"""Plays random operations against a server and against a small model of the rules, and audits after each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from license_model import Model

from support.helpers import NOW_MS, Api

EXAMPLES = int(os.environ.get("FOTAPOOL_TEST_EXAMPLES", "0"))
"""More examples than the usual ones, and other ones each time."""
SETTINGS = settings(
    max_examples=EXAMPLES or 10,
    stateful_step_count=30,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

DAY_MS = 86_400_000
FOREIGN, UNKNOWN = 8, 9
"""A device of another account, and one that nobody has; 0 to 7 are the account's own, once imported."""
NUMBERS = st.integers(0, UNKNOWN)
LISTS = st.lists(NUMBERS, min_size=1, max_size=8)
VERSIONS = st.sampled_from((1, 2, 3))
TOTALS = st.integers(0, 8)
MONTHS = 4
"""How many months' statements are compared at a time."""
FAILURE = {1: "Failed", 2: "Failure", 3: "Failure"}
SINCE = {"unknown": 0, "2017-11-29T20:15:42.738Z": 1_511_986_542_738, "2018-01-01T00:00:00Z": 1_514_764_800_000}


class Server:
    """One server for the whole run: gives each example an account of its own, and remembers where the clock is."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.now_ms = NOW_MS
        self.examples = itertools.count(1)

    def move_to(self, timestamp_ms: int) -> dict[str, Any]:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
        moved: dict[str, Any] = self.api.control("POST", "/clock", {"to": moment.isoformat()}).json()
        self.now_ms = timestamp_ms
        self.api.bearer = self.api.get_bearer().json()["access_token"]
        return moved

    def move_to_next_january(self) -> None:
        """All examples begin on the same day of a year, so that they differ in nothing else."""
        now = datetime.fromtimestamp(self.now_ms / 1000, tz=UTC)
        self.move_to(int(datetime(now.year + 1, 1, 10, 12, tzinfo=UTC).timestamp() * 1000))


class Licenses(RuleBasedStateMachine):
    """What users, operators and time can do to one account."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.api = server.api
        number = next(server.examples)
        self.account, self.user = f"account-{number}", f"user-{number}"
        self.versions = itertools.cycle((1, 2, 3))
        self.first = 100_000_000_000_000 + number * 10
        self.complete: dict[str, Any] = {}
        """Statements of months that have passed."""

    def imei(self, number: int) -> str:
        return f"{self.first + number:015d}"

    def imeis(self, numbers: list[int]) -> list[str]:
        return [self.imei(number) for number in numbers]

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        response = self.api.control(method, path, body)
        assert response.status_code == status, response.text
        return response.json()

    @initialize(licensed=st.integers(2, 6), free=st.integers(0, 3))
    def set_up(self, licensed: int, free: int) -> None:
        total = licensed + free
        self.server.move_to_next_january()
        self.model = Model(total, self.server.now_ms)
        for name in (self.account, f"{self.account}-other"):
            self.control("POST", "/accounts", {"name": name, "licenseCount": total}, 201)
        self.control("POST", f"/accounts/{self.account}-other/devices", [{"deviceId": self.imei(FOREIGN)}])
        self.control("POST", "/users", {"username": self.user, "password": "x", "accounts": [self.account]}, 201)
        self.log_in()
        self.import_devices([(number, "unknown" if number < licensed else None) for number in range(6)])

    def log_in(self) -> None:
        self.api.session = self.api.log_in(self.user, "x").json()["sessionToken"]

    def user_call(self, method: str, path: str, body: Any = None) -> Any:
        """Answers None where the account is suspended, after a look at the refusal."""
        response = self.api.call(method, path, body)
        if self.model.suspended:
            assert (response.status_code, response.json()["errorMessage"]) == (400, "Inactive account")
            return None
        assert response.status_code == 200, response.text
        return response.json()

    def change_licenses(self, verb: str, version: int, numbers: list[int], decide: Callable[..., list[str]]) -> None:
        body = {"deviceList": self.imeis(numbers)}
        answer = self.user_call("POST", f"/v{version}/licenses/{self.account}/{verb.lower()}", body)
        if answer is None:
            return
        reasons = decide(numbers)
        word = "" if version == 2 else f"License{verb}"
        good = ("Success", "Device license preexisting")
        assert [
            (row["deviceId"], row["status"], row.get("resultReason", row.get("Reason"))) for row in answer["deviceList"]
        ] == [
            (self.imei(number), word + ("Success" if reason in good else FAILURE[version]), reason)
            for number, reason in zip(numbers, reasons, strict=True)
        ]
        assert answer["licUsedCount"] == self.model.used
        assert answer["licTotalCount" if version == 2 else "licCount"] == self.model.total

    @rule(version=VERSIONS, numbers=LISTS)
    def assign(self, version: int, numbers: list[int]) -> None:
        self.change_licenses("Assign", version, numbers, self.model.assign)

    @rule(version=VERSIONS, numbers=LISTS)
    def remove(self, version: int, numbers: list[int]) -> None:
        self.change_licenses("Remove", version, numbers, self.model.remove)

    @rule(version=st.sampled_from((1, 2)), numbers=LISTS, append=st.booleans())
    def change_candidates(self, version: int, numbers: list[int], append: bool) -> None:
        body = {"deviceList": self.imeis(numbers), **({"type": "append"} if append else {})}
        answer = self.user_call("POST", f"/v{version}/licenses/{self.account}/cancel", body)
        if answer is not None:
            assert answer["deviceList"] == self.imeis(self.model.set_candidates(numbers, append))

    @rule(version=st.sampled_from((1, 2)))
    def delete_candidates(self, version: int) -> None:
        if self.user_call("DELETE", f"/v{version}/licenses/{self.account}/cancel") is not None:
            self.model.set_candidates([], append=False)

    @rule(total=TOTALS)
    def subscribe(self, total: int) -> None:
        self.compare_change(total)

    def compare_change(self, total: int) -> None:
        path = f"/accounts/{self.account}/subscription"
        preview = self.control("PUT", f"{path}?preview=true", {"licenseCount": total})
        deed = self.control("PUT", path, {"licenseCount": total})
        assert {**preview, "preview": False} == deed
        change = self.model.subscribe(total)
        assert (deed["licenseCount"], deed["need"]) == (total, change.need)
        assert deed["reclaimed"] == self.imeis(change.reclaimed)
        assert deed["notice"] == self.imeis(change.notice)
        assert deed["canceledUpgrades"] == self.imeis(change.canceled)
        assert deed["withdrawnNotices"] == self.imeis(change.withdrawn)

    @rule(number=NUMBERS, state=st.sampled_from(("scheduled", "inProgress", "completed", "failed", "canceled")))
    def upgrade(self, number: int, state: str) -> None:
        path = f"/accounts/{self.account}/devices/{self.imei(number)}/upgrade"
        self.control("PUT", path, {"status": state}, self.model.upgrade(number, state))

    @rule(numbers=st.sets(st.integers(0, 7), min_size=1, max_size=4))
    def start_upgrades(self, numbers: set[int]) -> None:
        """What single random states seldom bring about."""
        for number in sorted(numbers):
            self.upgrade(number, "inProgress")

    @rule(state=st.sampled_from(("completed", "failed")), some=st.integers(1, 4))
    def end_upgrades(self, state: str, some: int) -> None:
        running = [number for number, one in self.model.devices.items() if one.upgrade == "inProgress"]
        for number in running[:some]:
            self.upgrade(number, state)

    @rule(fewer=st.integers(1, 3))
    def reduce(self, fewer: int) -> None:
        self.compare_change(max(0, self.model.used - len(self.model.under_notice) - fewer))

    @rule(more=st.integers(1, 3))
    def raise_again(self, more: int) -> None:
        self.compare_change(self.model.total + more)

    @rule(
        numbers=st.sets(st.integers(0, 5), min_size=1, max_size=4),
        fewer=st.integers(2, 6),
        end=st.sampled_from(("failed", "completed", "")),
    )
    def reduce_while_upgrades_run(self, numbers: set[int], fewer: int, end: str) -> None:
        self.start_upgrades(numbers)
        self.reduce(fewer)
        if end:
            self.end_upgrades(end, 3)
            self.the_operator_sees_what_the_model_says()
        self.remove(3, sorted(numbers))

    @rule(
        lines=st.lists(
            st.tuples(NUMBERS.filter(lambda n: n != UNKNOWN), st.sampled_from((None, "now", *SINCE))),
            min_size=1,
            max_size=5,
        )
    )
    def import_devices(self, lines: list[tuple[int, str | None]]) -> None:
        body = [
            {"deviceId": self.imei(number)}
            | ({} if since is None else {"licensed": True} if since == "now" else {"licensedAt": since})
            for number, since in lines
        ]
        result = self.control("POST", f"/accounts/{self.account}/devices", body)
        known = [(number, None if since is None else SINCE.get(since, self.model.now_ms)) for number, since in lines]
        failed = self.model.import_lines(known, FOREIGN)
        assert [error["line"] for error in result["errors"]] == failed
        assert result["kept"] == len(lines) - len(failed)

    @rule(numbers=st.sets(st.integers(0, 5), min_size=2, max_size=4), days=st.sampled_from((40, 62)))
    def reduce_and_think_better_of_it(self, numbers: set[int], days: int) -> None:
        """Notices that last into another month; some are withdrawn there."""
        self.start_upgrades(numbers)
        self.reduce(6)
        self.wait(days)
        self.raise_again(2)
        self.wait(1)

    @rule(events=st.booleans())
    def buy_events(self, events: bool) -> None:
        words = "TS-HFOTA-EVNT,TS-HFOTA-MRC" if events else "TS-HFOTA-MRC"
        self.control("PUT", f"/accounts/{self.account}/subscription", {"purchaseType": words})
        if events != self.model.buys_events:
            self.model.subscribe(self.model.total)
        self.model.buys_events = events

    @rule(numbers=st.sets(st.integers(0, 7), min_size=3, max_size=6), end=st.sampled_from(("completed", "failed")))
    def upgrade_where_events_are_bought(self, numbers: set[int], end: str) -> None:
        """Devices with a license and without; only the latter are charged."""
        self.buy_events(True)
        self.start_upgrades(numbers)
        self.wait(1)
        self.end_upgrades(end, 4)

    @rule(days=st.sampled_from((1, 40, 62)))
    def wait(self, days: int) -> None:
        before = set(self.model.under_notice)
        moved = self.server.move_to(self.server.now_ms + days * DAY_MS)
        self.model.move_to(self.server.now_ms)
        taken = {imei for one in moved["happened"] for imei in one["devices"]}
        own = {self.imei(number) for number in range(10)}
        assert taken & own == set(self.imeis(list(before - set(self.model.under_notice))))
        self.log_in()
        self.the_statements_say_what_the_model_says()

    def teardown(self) -> None:
        self.the_statements_say_what_the_model_says()

    def the_statements_say_what_the_model_says(self) -> None:
        """Those of the last months; one that is complete is the same as before."""
        if not hasattr(self, "model"):
            return
        path = f"/accounts/{self.account}/statements"
        for listed in self.control("GET", path)["statements"][:MONTHS]:
            found = self.control("GET", f"{path}/{listed['month']}")
            licenses, notice, events = self.model.statement(*(timestamp_ms(found[name]) for name in ("from", "to")))
            counts = {"licenses": licenses, "noticeLicenses": len(notice), "events": len(events)}
            assert found["totals"] == listed["totals"] == counts
            assert [line["deviceId"] for line in found["notice"]] == self.imeis(notice)
            told = [(timestamp_ms(line["at"]), line["deviceId"]) for line in found["events"]]
            assert [at_ms for at_ms, _ in told] == [at_ms for at_ms, _ in events]
            assert sorted(told) == sorted((at_ms, self.imei(number)) for at_ms, number in events)
            if found["complete"]:
                assert self.complete.setdefault(listed["month"], found) == found

    @rule(numbers=LISTS, total=TOTALS)
    def suspend_for_a_while(self, numbers: list[int], total: int) -> None:
        self.set_status("suspended")
        self.assign(3, numbers)
        self.delete_candidates(1)
        self.compare_change(total)
        self.set_status("active")

    def set_status(self, status: str) -> None:
        self.control("PUT", f"/accounts/{self.account}/status", {"status": status})
        self.model.suspended = status == "suspended"

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        audit = self.control("GET", f"/accounts/{self.account}/audit")
        assert audit["consistent"], [check for check in audit["checks"] if not check["ok"]]

    @invariant()
    def the_operator_sees_what_the_model_says(self) -> None:
        pool = self.control("GET", f"/accounts/{self.account}")
        model = self.model
        assert (pool["licenseCount"], pool["licenseUsedCount"]) == (model.total, model.used)
        assert pool["free"] == max(0, model.total - model.used)
        assert (pool["underNotice"], pool["candidates"]) == (len(model.under_notice), len(model.candidates))
        found = self.control("GET", f"/accounts/{self.account}/devices")["devices"]
        assert [
            (one["deviceId"], one["licensed"], one["usedByUpgrade"], one["noticeUntil"], one["openUpgrade"])
            for one in found
        ] == [
            (
                self.imei(number),
                one.since is not None,
                one.used,
                one.notice and format_timestamp(one.notice[0]),
                one.upgrade,
            )
            for number, one in sorted(model.devices.items())
        ]

    @invariant()
    def users_see_what_the_model_says(self) -> None:
        version = next(self.versions)
        answer = self.user_call("GET", f"/v{version}/licenses/{self.account}/index/0")
        assert [row["deviceId"] for row in answer["deviceList"]] == self.imeis(sorted(self.model.holders))
        if version != 3:
            listed = self.user_call("GET", f"/v{version}/licenses/{self.account}/cancel")
            assert listed["deviceList"] == self.imeis(self.model.candidates)


def format_timestamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def timestamp_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_whatever_happens_server_and_model_agree(start: Callable[..., Api]) -> None:
    server = Server(start())
    run_state_machine_as_test(lambda: Licenses(server), settings=SETTINGS)
