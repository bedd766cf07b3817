"""Seed documents: what they may hold, when they are applied, and how malformed ones are refused at the start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.domain.errors import Invalid
from fotapool.services.snapshots.seed_documents import read_seed_document
from fotapool.services.snapshots.seeds import check_document
from fotapool.store.accounts.accounts import read_accounts
from support.helpers import ACCOUNT, KEY, NOW_MS, OPERATOR, USER, Api, device

CONTRACT = """
clients:   [{key: demo-key, secret: demo-secret}]
users:     [{username: zbeeblebrox, password: IMgr8, accounts: ["0242078689-00001"]}]
accounts:
  - name: "0242078689-00001"
    purchaseType: TS-HFOTA-MRC
    licenseCount: 9000
    devices:
      - {deviceId: "900000000000001", make: Verizon, model: Model-A,
         firmware: VerizonFirmwareVersion-01, protocol: LWM2M, licensedAt: "2017-11-29T20:15:42.738Z"}
      - {deviceId: 000000000000002, make: Verizon, model: 0x1F,
         firmware: 1.10, protocol: LWM2M, licensedAt: unknown}
      - {first: 010000000000000, count: 5000, make: Verizon, model: Model-B,
         firmware: "1", protocol: HTTP, licensed: 3000}
      - {deviceId: "010000000000001", make: Changed}
    candidates: ["900000000000001", 000000000000002]
firmware:  [{firmwareName: F2, make: Verizon, model: Model-B, fromVersion: 1, toVersion: 2, protocol: LWM2M}]
"""


def open_seed(directory: Path, database_url: str, text: str) -> Server:
    """Seeds the database as a server does before it serves."""
    path = directory / "seed.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    settings = Settings(database=database_url, emulator=True, operator_key=OPERATOR, seed=str(path))
    server = Server(settings, MovableClock(FixedClock(NOW_MS)))
    try:
        server.seed_before_serving()
    finally:
        server.context.reader.stop()
    return server


def test_the_contract_s_document_is_read_with_its_leading_zeros_runs_and_candidates(
    tmp_path: Path, database_url: str, start: Callable[..., Api]
) -> None:
    open_seed(tmp_path, database_url, CONTRACT)
    api = start(seed=None)
    api.sign_in()
    pool = api.pool()
    assert (pool["licenseCount"], pool["licenseUsedCount"], pool["candidates"]) == (9000, 3002, 2)
    rows = api.control("GET", f"/accounts/{ACCOUNT}/devices?limit=3").json()["devices"]
    assert [row["deviceId"] for row in rows] == ["000000000000002", "010000000000000", "010000000000001"]
    assert (rows[0]["licensedAt"], rows[0]["model"], rows[0]["firmware"]) == ("unknown", "0x1F", "1.10")
    assert (rows[1]["protocol"], rows[1]["licensed"]) == ("HTTP", True)
    assert (rows[2]["make"], rows[2]["licensed"]) == ("Changed", True)
    last = api.control("GET", f"/accounts/{ACCOUNT}/devices?after=010000000004998").json()["devices"]
    assert [row["deviceId"] for row in last] == ["010000000004999", "900000000000001"]
    assert last[1]["licensedAt"] == "2017-11-29T20:15:42.738Z"
    listed = api.call("GET", f"/v2/licenses/{ACCOUNT}/cancel").json()
    assert listed["deviceList"] == ["900000000000001", "000000000000002"]
    assert api.subscribe(3000, preview=True)["reclaimed"] == ["900000000000001", "000000000000002"]
    assert {entry["actor"] for entry in api.ledger()} == {"seed"}
    api.assert_consistent()


@pytest.mark.parametrize("text", ["", "{}", "---\n", '{"clients": []}', "accounts: []\n"])
def test_every_part_of_a_seed_may_be_missing(tmp_path: Path, shared_url: str, text: str) -> None:
    open_seed(tmp_path, shared_url, text)


def test_json_is_a_seed_too_and_may_spell_letters_as_it_likes(tmp_path: Path, database_url: str) -> None:
    server = open_seed(tmp_path, database_url, json.dumps({"users": [{"username": "ü", "password": "é"}]}))
    assert server.seed.document.users[0].username == "ü"


def test_a_seed_is_applied_on_an_empty_database_only(start: Callable[..., Api]) -> None:
    first = start()
    first.assign(0)
    first.control("DELETE", "/users/zbeeblebrox")
    second = start(sign_in=False)
    assert second.pool()["licenseUsedCount"] == 1
    assert second.control("GET", "/users").json()["users"] == []


def account(**members: Any) -> dict[str, Any]:
    return {"accounts": [{"name": "a", "licenseCount": 1, **members}]}


MALFORMED: list[tuple[Any, str]] = [
    ("accounts: [", "cannot be read"),
    ("{{{", "cannot be read"),
    ("just text", "cannot be read"),
    ("- a list", "cannot be read"),
    ("\tx: 1", "cannot be read"),
    ("[" * 200_000 + "]" * 200_000, "nested too deeply"),
    ("- " * 200_000, "nested too deeply"),
    ("[" * 800 + "]" * 800, "nested too deeply"),
    ({"colour": 1}, "`colour`"),
    ({"accounts": {}}, "$.accounts"),
    ({"accounts": [{}]}, "`name`"),
    (account(colour="red"), "`colour`"),
    (account(name="a/b"), "'a/b' is no account name"),
    (account(licenseCount="many"), "$.accounts[0].licenseCount"),
    (account(licenseCount=-1), "account a: licenseCount must be from 0"),
    (account(purchaseType="TS"), "account a: purchaseType must be"),
    (account(purchaseType="TS-HFOTA-EVNT"), "account a: an account with only TS-HFOTA-EVNT"),
    (account(devices=[{"deviceId": "12"}]), "account a, devices[0]: deviceId must be 15 digits, not '12'"),
    (account(devices=[{}]), "account a, devices[0]: Object missing required field `deviceId`"),
    (account(devices=[{"deviceId": "1" * 15, "imsi": "1"}]), "`imsi`"),
    (account(devices=[{"deviceId": "1" * 15, "licensedAt": "soon"}]), "licensedAt must be a time like"),
    (account(devices=[{"deviceId": "1" * 15, "licensedAt": "1969-12-31"}]), "licensedAt must be after 1970"),
    (account(devices=[{"deviceId": "1" * 15, "protocol": "COAP"}]), "protocol must be one of"),
    (account(devices=[{"deviceId": "1" * 15, "make": "a\u0007"}]), "make must be"),
    (account(devices=[{"first": "12", "count": 1}]), "first must be 15 digits"),
    (account(devices=[{"first": "1" * 15}]), "`count`"),
    (account(devices=[{"first": "1" * 15, "count": 0}]), "count must be from 1"),
    (account(devices=[{"first": "9" * 15, "count": 2}]), "last IMEI must have 15 digits"),
    (account(devices=[{"first": "1" * 15, "count": 10**9}]), "count must be from 1"),
    (account(devices=[{"first": "1" * 15, "count": 2, "licensed": 3}]), "licensed must be from 0 to count"),
    (account(devices=[{"first": "1" * 15, "count": 2, "licensedAt": "x"}]), "licensedAt must be"),
    (account(devices=[{"first": "1" * 15, "count": 3, "licensed": 2}]), "no unused license available"),
    (account(candidates=["12"]), "account a: candidate '12' is not a 15-digit IMEI"),
    (account(candidates=[f"{number:015d}" for number in range(100_001)]), "more than 100000 candidates"),
    ({"accounts": [{"name": "a"}, {"name": "a"}]}, "account a is there twice"),
    (
        {"accounts": [{"name": name, "devices": [{"deviceId": "1" * 15}]} for name in ("a", "b")]},
        "account b, device 111111111111111: the device belongs to another account",
    ),
    ({"clients": [{"key": "a"}]}, "`secret`"),
    ({"clients": [{"key": "a:b", "secret": "s"}]}, "key must be"),
    ({"clients": [{"key": "a", "secret": ""}]}, "client a: secret must be"),
    ({"clients": [{"key": "a", "secret": "s"}] * 2}, "client a is there twice"),
    ({"users": [{"username": "a", "password": "p", "accounts": ["b"]}]}, "user a names account b"),
    ({"users": [{"username": "a", "password": ""}]}, "user a: password must be"),
    ({"users": [{"username": "", "password": "p"}]}, "username must be"),
    ({"users": [{"username": "a", "password": "p"}] * 2}, "user a is there twice"),
]


@pytest.mark.parametrize(("seed", "words"), MALFORMED, ids=[words for _, words in MALFORMED])
def test_a_malformed_seed_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, shared_url: str, seed: Any, words: str
) -> None:
    good = {"name": "good", "devices": [{"first": "2" * 15, "count": 10}]}
    if isinstance(seed, dict) and isinstance(seed.get("accounts"), list):
        seed = {**seed, "accounts": [good, *seed["accounts"]]}
        words = words.replace("accounts[0]", "accounts[1]")
    with pytest.raises(Invalid) as rejected:
        open_seed(tmp_path, shared_url, seed if isinstance(seed, str) else json.dumps(seed))
    assert words in str(rejected.value)
    assert "seed.yaml: " in str(rejected.value)
    connection = Server(Settings(database=shared_url)).database.connect()
    assert read_accounts(connection, "", 10) == []
    connection.close()


@pytest.mark.parametrize(("command", "workers"), [("emulate", "1"), ("serve", "1"), ("serve", "2")])
def test_a_server_with_a_malformed_seed_says_why_and_does_not_start(tmp_path: Path, command: str, workers: str) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(json.dumps(account(devices=[{"first": "1" * 15, "count": 3, "licensed": 2}])))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fotapool.cli",
            command,
            "--port",
            "0",
            "--seed",
            str(seed),
            "--workers",
            workers,
            "--database",
            f"sqlite:///{tmp_path}/test.db",
            "--operator-key",
            OPERATOR,
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"Error: seed {seed}: account a, device 111111111111112: no unused license available"


def test_a_seed_that_is_not_text_is_refused(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_bytes(b"\xff\xfe\x00")
    server = Server(Settings(database="sqlite://", seed=str(seed)))
    with pytest.raises(Invalid, match=r"seed\.yaml"):
        server.seed_before_serving()
    assert not os.path.exists(getattr(server.database, "path", ""))


def test_a_long_run_is_checked_without_spelling_it_out() -> None:
    text = json.dumps(account(licenseCount=50_000_000, devices=[{"first": "1" * 15, "count": 50_000_000}] * 20))
    check_document(read_seed_document(text), NOW_MS)


PACKAGE = {"firmwareName": "F1", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
ADDED: dict[str, Any] = {
    "accounts": [
        {
            "name": "0402196254-00009",
            "licenseCount": 3,
            "devices": [{"first": "980000000000001", "count": 4, "make": "Verizon", "model": "Model-A", "licensed": 2}],
        }
    ],
    "clients": [{"key": "added-key", "secret": "added-secret"}],
    "users": [{"username": "added", "password": "added-password", "accounts": ["0402196254-00009", ACCOUNT]}],
}


def test_a_seed_is_added_to_a_running_emulator(api: Api) -> None:
    api.assign(0)
    added = api.control("POST", "/seed", ADDED)
    assert (added.status_code, added.json()) == (201, {"createTime": "2026-03-10T12:00:00.000Z"})
    assert [api.pool(one)["licenseUsedCount"] for one in ("0402196254-00009", ACCOUNT)] == [2, 1]
    api.bearer = api.get_bearer("added-key", "added-secret").json()["access_token"]
    api.session = api.log_in("added", "added-password").json()["sessionToken"]
    assert api.call("GET", "/v3/licenses/0402196254-00009").status_code == 200
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    api.assert_consistent()


@pytest.mark.parametrize(
    ("document", "status", "detail"),
    [
        ({**ADDED, "accounts": [{"name": ACCOUNT}]}, 409, f"account {ACCOUNT} exists already"),
        ({**ADDED, "clients": [{"key": KEY, "secret": "any-secret"}]}, 409, f"client {KEY} exists already"),
        ({**ADDED, "users": [{"username": USER, "password": "IMgr8too"}]}, 409, f"user {USER} exists"),
        ({**ADDED, "users": [{"username": "new", "password": "IMgr8too", "accounts": ["no"]}]}, 404, "account no does"),
        ({"firmware": [PACKAGE]}, 409, "firmware F1 exists already"),
        ({"accounts": [{"name": "new", "devices": [{"deviceId": device(0), "make": "V"}]}]}, 400, "device"),
        ({"snapshot": {"now": "2026-03-10T12:00:00.000Z", "schema": "1"}}, 400, "replaces the whole state"),
        (None, 400, "the body is empty"),
    ],
)
def test_a_seed_that_cannot_be_added_changes_nothing(api: Api, document: Any, status: int, detail: str) -> None:
    assert api.control("POST", "/seed", {"firmware": [PACKAGE]}).status_code == 201
    before = api.control("GET", "/snapshot").content
    refused = api.control("POST", "/seed", document)
    assert (refused.status_code, detail in refused.json()["detail"]) == (status, True), refused.text
    assert api.control("GET", "/snapshot").content == before
