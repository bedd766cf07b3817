"""Snapshots: what they hold, that they are exact on both databases, what may be put back, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from api.campaigning import CAMPAIGN_SEED, HTTP, imeis, schedule
from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.operator_api.emulator import snapshots as operator_snapshots
from fotapool.services.snapshots import snapshots as taking
from fotapool.worker import runner
from support.device_helpers import calling
from support.helpers import ACCOUNT, NOW_MS, OPERATOR, OTHER, SEED, Api, device, devices
from support.servers import DATABASES, ServerInThread, prepared_database

NOBODY = "http://127.0.0.1:9/callbacks"
"""Where nobody listens: callbacks fail."""
ELSEWHERE_MS = NOW_MS + 86_400_000 * 365


@contextmanager
def running(settings: Settings, clock: MovableClock) -> Iterator[Api]:
    server = Server(settings, clock)
    thread = ServerInThread(server)
    try:
        yield Api(thread.client, server)
    finally:
        thread.stop()


@pytest.fixture
def advances_alone(monkeypatch: pytest.MonkeyPatch, deliveries_rest: None) -> None:
    """Servers that start later do nothing in the background, so that two with the same history stay alike."""
    monkeypatch.setattr(runner, "TICK_S", 3600)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, database_url: str, tmp_path: Path, advances_alone: None) -> Iterator[Api]:
    """An empty emulator on the other kind of database, with files and a time of its own."""
    kind = next(kind for kind in DATABASES if not database_url.startswith(kind))
    asked: Any = SimpleNamespace(param=kind, getfixturevalue=request.getfixturevalue)
    with prepared_database(asked, tmp_path, "elsewhere") as url:
        storage = (tmp_path / "elsewhere").as_uri()
        settings = Settings(database=url, storage=storage, emulator=True, operator_key=OPERATOR)
        with running(settings, MovableClock(FixedClock(ELSEWHERE_MS))) as api:
            yield api


def taken(api: Api) -> bytes:
    response = api.control("GET", "/snapshot")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.content


def put(api: Api, document: bytes | str | dict[str, Any]) -> None:
    content = json.dumps(document) if isinstance(document, dict) else document
    response = api.control("PUT", "/snapshot", content=content)
    assert response.status_code == 204, response.text


def lived(api: Api) -> None:
    """Lets the account of the campaigns' seed have something in nearly every table."""
    for version, body in ((3, {"url": NOBODY}), (2, {"url": NOBODY})):
        api.call("POST", f"/v{version}/callbacks/{ACCOUNT}", body, headers={"Content-Type": "*/*"})
    api.control("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {})
    fields = {"fileVersion": "1.0", "make": "Verizon", "model": "Model-H", "localTargetPath": "/a"}
    parts = {"fileupload": ("a.txt", b"octets of a file", "application/octet-stream")}
    assert api.call("POST", f"/v2/files/{ACCOUNT}", data=fields, files=parts).status_code == 200
    api.control("PUT", "/firmware/SW-H/content", content=b"octets of a package")
    schedule(api, 3)
    schedule(api, 2, deviceList=imeis(HTTP, 4))
    api.control("PUT", f"/accounts/{ACCOUNT}/devices/{HTTP}/upgrade", {"status": "inProgress"})
    api.call("POST", f"/v2/licenses/{ACCOUNT}/cancel", {"deviceList": [f"{HTTP}", *imeis(HTTP + 3, 2)]})
    assert api.subscribe(13)["notice"] == [f"{HTTP}"]
    api.call("GET", f"/v2/devices/{ACCOUNT}/{HTTP + 1}")
    with_key = calling(api)
    object.__setattr__(with_key, "device_id", f"{HTTP + 1}")
    api.call("GET", f"/v3/licenses/{OTHER}/nothing")
    api.advance("P1DT7M")
    api.sign_in()
    api.call("POST", f"/v3/reports/{ACCOUNT}/firmware/async/{HTTP + 5}")


@pytest.fixture
def history(start: Callable[..., Api], advances_alone: None) -> Api:
    """Campaigns under way, a notice, callbacks that failed, files, sign-ins."""
    api = start(CAMPAIGN_SEED)
    lived(api)
    return api


def without_durations(snapshot: bytes) -> Any:
    """How long attempts took in real time differs."""
    document = json.loads(snapshot)
    for table in document["state"].values():
        if "took_ms" in table["columns"]:
            place = table["columns"].index("took_ms")
            for row in table["rows"]:
                row[place] = 0
    return document


def test_a_history_put_back_on_the_other_kind_of_database_gives_the_same_bytes_and_runs_on_alike(
    history: Api, elsewhere: Api
) -> None:
    before = taken(history)
    document = json.loads(before)
    for table in ("campaign", "upgrade", "delivery", "delivery_attempt", "notice_period", "listener", "user_session"):
        assert document["state"][table]["rows"], table
    put(elsewhere, before)
    assert taken(elsewhere) == before
    elsewhere.bearer, elsewhere.session = history.bearer, history.session
    for api in (history, elsewhere):
        assert api.control("GET", "/clock").json()["now"] == document["snapshot"]["now"]
        assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
        api.assert_consistent()
    events = [api.advance("P30D")["happened"] for api in (history, elsewhere)]
    assert events[0] == events[1] != []
    after = [without_durations(taken(api)) for api in (history, elsewhere)]
    for table, rows in after[0]["state"].items():
        assert rows == after[1]["state"].get(table), table
    assert after[0] == after[1]
    for api in (history, elsewhere):
        api.assert_consistent()


def test_contents_of_files_and_packages_come_along(history: Api, elsewhere: Api) -> None:
    assert len(json.loads(taken(history))["contents"]) == 2
    put(elsewhere, taken(history))
    key = elsewhere.control("POST", f"/accounts/{ACCOUNT}/device-keys", {"name": "all"}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    work = elsewhere.http.post(f"/device/v1/{HTTP + 1}/check-in", json={}, headers=headers).json()
    assert elsewhere.http.get(work["upgrade"]["url"], headers=headers).content == b"octets of a package"


def test_contents_beyond_the_limit_are_referred_to(history: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MAX_CONTENTS_BYTES", 16)
    before = taken(history)
    assert [one["octets"] for one in json.loads(before)["contents"]] == ["b2N0ZXRzIG9mIGEgZmlsZQ=="]
    put(history, before)
    assert taken(history) == before


def test_what_came_after_a_snapshot_is_gone_and_numbers_go_on_where_they_were(api: Api) -> None:
    api.assign(0, 1)
    before = taken(api)
    api.control("POST", "/accounts", {"name": "later"})
    api.control("POST", "/users", {"username": "later"})
    api.assign(2)
    api.advance("P400D")
    put(api, before)
    assert taken(api) == before
    assert api.pool()["licenseUsedCount"] == 2
    assert api.control("GET", "/accounts/later").status_code == 404
    assert [entry["number"] for entry in api.ledger()] == [1, 2]
    assert api.assign(3)["licUsedCount"] == 3  # with the tokens of before
    api.control("POST", "/accounts", {"name": "later"})
    last_ids = json.loads(taken(api))["snapshot"]["lastIds"]
    assert (last_ids["account"], json.loads(before)["snapshot"]["lastIds"]["account"]) == (3, 2)
    api.assert_consistent()


def test_a_sign_in_that_the_snapshot_does_not_have_is_over(api: Api) -> None:
    before = taken(api)
    api.control("POST", "/users", {"username": "later", "password": "later", "accounts": [ACCOUNT]})
    api.session = api.log_in("later", "later").json()["sessionToken"]
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    put(api, before)
    assert "session" in api.call("GET", f"/v3/licenses/{ACCOUNT}").text.lower()
    assert api.control("GET", "/users").json()["users"][0]["username"] == "zbeeblebrox"


def test_operators_stay_and_rules_of_faults_go(api: Api) -> None:
    before = taken(api)
    key = api.control("POST", "/operators", {"name": "a"}).json()["key"]
    api.control("POST", "/faults", {"match": {"path": "/fota/*"}, "action": {"status": 503}})
    put(api, before)
    assert api.control("GET", "/accounts", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert api.control("GET", "/faults").json()["faults"] == []


def test_a_snapshot_needs_an_operator_who_may_administer(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "a", "role": "editor"}).json()["key"]
    for method in ("GET", "PUT"):
        assert api.control(method, "/snapshot", headers={"Authorization": f"Bearer {key}"}).status_code == 403


def test_devices_that_are_alike_are_one_run_and_what_is_as_usual_is_left_out(api: Api) -> None:
    api.assign(0, 1)
    accounts = json.loads(taken(api))["accounts"]
    run = {
        "first": device(0),
        "count": 20,
        "make": "Verizon",
        "model": "Model-A",
        "firmware": "1",
        "licensed": 2,
        "licensedAt": "2026-03-10T12:00:00.000Z",
        "licensePlace": 1,
    }
    assert accounts[0]["devices"] == [run]
    api.assign(4)
    words = [(one.get("count"), one.get("licensed")) for one in json.loads(taken(api))["accounts"][0]["devices"]]
    assert words == [(4, 2), (16, 1)]


def test_a_snapshot_can_be_edited_where_the_words_are_people_s(api: Api) -> None:
    document = json.loads(taken(api))
    account = document["accounts"][0]
    account["devices"] = [{**account["devices"][0], "firmware": "7"}, {"deviceId": "770000000000000", "mdn": "5551"}]
    account["candidates"] = devices(3)
    document["firmware"] = [
        {"firmwareName": "F", "id": 4, "make": "M", "model": "A", "fromVersion": "7", "toVersion": "8"}
    ]
    put(api, document)
    rows = api.control("GET", f"/accounts/{ACCOUNT}/devices?limit=2").json()["devices"]
    assert [(row["deviceId"], row["mdn"], row["firmware"]) for row in rows] == [
        ("770000000000000", "5551", ""),
        (device(0), "", "7"),
    ]
    assert api.pool()["candidates"] == 1
    assert api.control("GET", "/firmware").json()["firmware"][0]["firmwareName"] == "F"
    api.assert_consistent()


def test_yaml_is_taken_too(history: Api) -> None:
    before = taken(history)
    as_yaml = yaml.safe_dump(json.loads(before), sort_keys=False)
    history.advance("PT1H")
    put(history, as_yaml)
    assert taken(history) == before


def test_a_seed_document_is_put_in_place_of_everything_and_the_clock_stays(api: Api) -> None:
    api.advance("PT1H")
    put(api, "accounts: [{name: new, licenseCount: 3, devices: [{first: 010000000000000, count: 5, licensed: 2}]}]")
    assert [one["name"] for one in api.control("GET", "/accounts").json()["accounts"]] == ["new"]
    assert api.pool("new")["licenseUsedCount"] == 2
    assert api.control("GET", "/clock").json()["now"] == "2026-03-10T13:00:00.000Z"
    assert api.get_bearer().status_code == 401
    api.assert_consistent("new")
    assert api.control("POST", "/reset").status_code == 204
    assert api.pool()["licenseUsedCount"] == 0


def test_while_nothing_changes_a_clock_that_goes_on_does_not_change_a_snapshot_either(database_url: str) -> None:
    settings = Settings(database=database_url, emulator=True, operator_key=OPERATOR)
    with running(settings, MovableClock()) as api:
        put(api, SEED)
        before = taken(api)
        put(api, before)
        timestamp = json.loads(before)["snapshot"]["now"]
        while api.control("GET", "/clock").json()["now"] == timestamp:
            pass
        assert taken(api) == before
        api.control("POST", "/accounts", {"name": "new"})
        assert json.loads(taken(api))["snapshot"]["now"] > timestamp


def test_a_snapshot_may_be_the_seed_and_reset_goes_back_to_it(start: Callable[..., Api], elsewhere: Api) -> None:
    put(elsewhere, SEED)
    elsewhere.sign_in()
    elsewhere.assign(0)
    before = taken(elsewhere)
    api = start(seed=json.loads(before), sign_in=False)
    assert taken(api) == before
    api.bearer, api.session = elsewhere.bearer, elsewhere.session
    api.assign(1)
    api.advance("PT2H")
    assert api.control("POST", "/reset").status_code == 204
    assert taken(api) == before


def test_serve_takes_no_snapshot_as_its_seed(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start()
    (tmp_path / "snapshot.json").write_bytes(taken(api))
    empty = f"sqlite:///{tmp_path}/empty.db"
    server = Server(Settings(database=empty, seed=str(tmp_path / "snapshot.json")))
    with pytest.raises(Invalid, match="a snapshot is for `fotapool emulate`"):
        server.seed_before_serving()
    server.context.reader.stop()


def edited(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets, or with None deletes, what the path names: members and places, with dots between."""

    def edit(document: Any) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            document = document[step]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return edit


REFUSED: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (edited("snapshot.now", None), "`now`"),
    (edited("snapshot.now", "soon"), "snapshot.now: 'soon' is no time like"),
    (edited("snapshot.schema", "0000"), "snapshot.schema is '0000', and this program has"),
    (edited("snapshot.lastIds.colour", 1), "snapshot.lastIds: colour is none of"),
    (edited("colour", 1), "`colour`"),
    (edited("clients.0.secretHash", None), "$.clients[0]"),
    (edited("clients.0.key", "a:b"), "clients[0]: key must be"),
    (edited("users.0.accounts", ["nobody"]), "users[0]: accounts: account nobody is not in accounts"),
    (edited("accounts.0.name", "a/b"), "accounts[0]: name must be"),
    (edited("accounts.1.name", ACCOUNT), f"account {ACCOUNT} is there twice"),
    (edited("accounts.1.id", 1), "accounts: id 1 is there twice"),
    (edited("accounts.0.id", 77), "account_id 1 is the id of none of accounts"),
    (edited("accounts.0.status", "asleep"), "accounts[0]: status must be"),
    (edited("accounts.0.purchaseType", "TS"), "accounts[0]: purchaseType must be"),
    (edited("accounts.0.devices.0.first", "12"), "accounts[0]: devices[0]: it must have a deviceId, or first"),
    (edited("accounts.0.devices.0.count", 10**15), "more than 5000000 devices and rows"),
    (edited("accounts.0.devices.0.licensed", 99), "accounts[0]: devices[0]: licensed must be from 0 to count"),
    (edited("accounts.0.devices.0.licenseUsed", True), "are of one device, not of a run"),
    (edited("accounts.0.devices.0.colour", "red"), "$.accounts[0].devices[0]"),
    (edited("accounts.0.candidates", ["12"]), "accounts[0]: candidates must be IMEIs"),
    (edited("accounts.0.devices.0.licensed", 1), "it does not hold that"),
    (edited("accounts.0.licenseCount", 4), "the latest period for the statements"),
    (edited("accounts.1.devices.0.first", device(3)), "the rows of device contradict each other"),
    (edited("accounts.0.licenseCount", 1), "the rows of license_pool contradict each other"),
    (edited("state.colour", {"columns": [], "rows": []}), "state.colour: it is none of"),
    (edited("state.ledger_entry.columns", ["number"]), "state.ledger_entry: its columns must be account_id, number"),
    (edited("state.ledger_entry.rows.0", [1]), "state.ledger_entry: "),
    (edited("state.ledger_entry.rows.0.1", "x"), "state.ledger_entry: Expected `int`"),
    (edited("state.ledger_entry.rows.0.1", 2**63), "state.ledger_entry: "),
    (edited("state.pool_change.rows.0.3", "\x00"), "state.pool_change: "),
    (edited("state.ledger_entry.rows.0", None), "it does not hold that"),
    (edited("contents", [{"key": "0" * 36, "octets": "YQ=="}]), "contents[0]: no file or package has this key"),
]


@pytest.fixture(scope="module")
def used(shared: Api) -> Api:
    shared.assign(0, 1)
    return shared


@pytest.mark.parametrize(("edit", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_snapshot_that_contradicts_itself_is_refused_and_changes_nothing(
    used: Api, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    before = taken(used)
    document = json.loads(before)
    if "now" in document["snapshot"]:
        document["snapshot"]["now"] = "2026-03-11T12:00:00Z"
    edit(document)
    response = used.control("PUT", "/snapshot", content=json.dumps(document))
    assert response.status_code == 400, response.text
    assert words in response.json()["detail"]
    assert taken(used) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the body is empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"\x00", "NUL"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"snapshot": 1}', "the snapshot cannot be read"),
        (b"snapshot: [1]", "the snapshot cannot be read"),
        (b"snapshot: {", "cannot be read"),
        (b"accounts: [{name: a, devices: [{first: 1}]}]", "account a, devices[0]"),
        (b'{"accounts": [{"name": "a", "devices": [{"deviceId": "770000000000000", "licensed": true}]}]}', "no unused"),
    ],
)
def test_what_is_neither_a_snapshot_nor_a_seed_is_refused_and_changes_nothing(
    used: Api, content: bytes, words: str
) -> None:
    before = taken(used)
    response = used.control("PUT", "/snapshot", content=content)
    assert response.status_code == 400, response.text
    assert words in response.json()["detail"]
    assert taken(used) == before


def test_a_body_over_the_limit_is_refused_as_such(used: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_snapshots, "MAX_SNAPSHOT_BYTES", 2**20)
    response = used.control("PUT", "/snapshot", content=b" " * (2**20 + 1))
    assert (response.status_code, response.json()["detail"]) == (413, "a snapshot has 1 MiB at most")


def test_more_than_a_snapshot_may_hold_is_refused(used: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MAX_ROWS", 20)
    assert "copy its database" in used.control("GET", "/snapshot").json()["detail"]
    monkeypatch.undo()
    monkeypatch.setattr(taking, "MAX_SNAPSHOT_BYTES", 1000)
    assert used.control("GET", "/snapshot").status_code == 409
