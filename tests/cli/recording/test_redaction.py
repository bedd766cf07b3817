"""No secret is in a recording, and pseudonyms are consistent and of the same form."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from stdnum import luhn

from fotapool.recording.pairs import RecordingFile
from fotapool.recording.proxy import Recorder
from fotapool.recording.pseudonyms import MAX_KNOWN, LimitExceeded, Pseudonyms
from fotapool.recording.redaction import Redactor

SALT = b"salt of a test"
WORDS = some.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", min_size=8, max_size=20).map(
    lambda text: f"x{text}Q"
)
IMEIS = some.integers(10**14, 10**15 - 1).map(str)


@some.composite
def secrets(draw: some.DrawFn) -> dict[str, Any]:
    words = draw(some.lists(WORDS, min_size=4, max_size=4, unique=True))
    return {
        "user": words[0],
        "password": words[1],
        "key": words[2],
        "secret": words[3],
        "imeis": draw(some.lists(IMEIS, min_size=3, max_size=6, unique=True)),
        "mdn": draw(some.integers(2 * 10**9, 10**10 - 1).map(str)),
        "account": f"{draw(some.integers(1, 10**10 - 1)):010d}-{draw(some.integers(2, 99999)):05d}",
        "session": str(draw(some.uuids(version=4))),
        "bearer": draw(some.text("0123456789abcdef", min_size=32, max_size=32)),
        "url": f"https://{draw(some.text('abcdefghijkl', min_size=6, max_size=12))}.example.com/hook",
    }


def exchanges(given: dict[str, Any]) -> list[tuple[httpx.Request, httpx.Response]]:
    """A session with the secrets in every place where there can be some."""
    service = "https://service.test/api"
    imeis, account = given["imeis"], given["account"]
    basic = base64.b64encode(f"{given['key']}:{given['secret']}".encode()).decode()
    tokens = {"Authorization": f"Bearer {given['bearer']}", "VZ-M2M-Token": given["session"]}
    told = f"Device {imeis[0]} ({given['mdn']}) of account {account}, user {given['user']}, session {given['session']}."

    def pair(method: str, path: str, answer: Any, status: int = 200, **options: Any) -> Any:
        told_headers = options.pop("answer_headers", {})
        request = httpx.Request(method, service + path, **options)
        return request, httpx.Response(status, json=answer, headers=told_headers, request=request)

    return [
        pair(
            "POST",
            "/ts/v1/oauth2/token",
            {"access_token": given["bearer"], "expires_in": 3600},
            headers={"Authorization": f"Basic {basic}", "Cookie": f"user={given['user']}"},
            data={"grant_type": "client_credentials"},
        ),
        pair(
            "POST",
            "/m2m/v1/session/login",
            {"sessionToken": given["session"]},
            json={"username": given["user"], "password": given["password"]},
            headers={"Authorization": tokens["Authorization"]},
        ),
        pair(
            "GET",
            f"/fota/v3/licenses/{account}?lastSeenDeviceId={imeis[0]}",
            {
                "accountName": account,
                "lastSeenDeviceId": int(imeis[-1]),
                "deviceList": [{"deviceId": imei, "mdn": given["mdn"]} for imei in imeis],
            },
            headers=tokens,
        ),
        pair(
            "POST",
            f"/fota/v3/licenses/{account}/assign",
            {"errorCode": "INVALID_PARAMETER", "errorMessage": told},
            400,
            json={"deviceList": imeis},
            headers=tokens,
        ),
        pair(
            "POST",
            f"/fota/v1/callbacks/{account}",
            {"accountName": account, "url": given["url"]},
            headers=tokens,
            json={"name": "Fota", "url": given["url"], "username": given["user"], "password": given["password"]},
        ),
        pair(
            "GET",
            f"/fota/v3/reports/{account}/devices/{imeis[1]}",
            {"fault": {"description": told}},
            401,
            headers=tokens,
            answer_headers={"Location": given["url"], "X-Debug": told},
        ),
        pair(
            "POST",
            "/ts/v1/oauth2/revoke",
            {},
            data={"token": given["bearer"]},
            headers={"Authorization": f"Basic {basic}"},
            answer_headers={"RevokedAccessToken": given["bearer"]},
        ),
        pair(
            "POST",
            "/m2m/v1/session/login",
            {},
            400,
            content=f"{{'password': '{given['password']}'".encode(),
            headers={"Content-Type": "application/json"},
        ),
        pair(
            "POST",
            "/m2m/v1/session/login",
            {},
            400,
            content=json.dumps({"password": given["password"]}).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        pair(
            "POST",
            f"/fota/v3/licenses/{account}/assign",
            {},
            400,
            content=f"<p>{given['password']}</p>".encode(),
            headers={"Content-Type": "text/html"},
        ),
    ]


def recorded(path: Path, given: list[tuple[httpx.Request, httpx.Response]], redactor: Redactor | None = None) -> str:
    import asyncio

    path.unlink(missing_ok=True)
    file = RecordingFile(path)
    recorder = Recorder(file, redactor or Redactor(SALT))

    async def add_all() -> None:
        for number, (request, answer) in enumerate(given, 1):
            await recorder.add(number=number, began_ms=0, took_ms=0, request=request, answer=answer)

    asyncio.run(add_all())
    file.close()
    return path.read_text()


@settings(max_examples=60, deadline=None)
@given(secrets())
def test_no_secret_survives(tmp_path_factory: pytest.TempPathFactory, given: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("recording") / "recording.jsonl"
    text = recorded(path, exchanges(given))
    assert text.count("\n") == 11
    basic = base64.b64encode(f"{given['key']}:{given['secret']}".encode()).decode()
    for secret in (*given.pop("imeis"), basic, *given.values()):
        assert secret not in text
        assert secret.lower() not in text.lower()


@settings(max_examples=60, deadline=None)
@given(some.lists(some.lists(some.integers(1, 10**15 - 1), max_size=30), max_size=6))
def test_imeis_keep_their_order_and_have_a_valid_check_digit(pages: list[list[int]]) -> None:
    pseudonyms = Pseudonyms(SALT)
    for page in pages:
        pseudonyms.add_imeis(page)
    real = sorted({imei for page in pages for imei in page})
    found = [pseudonyms.imei(f"{imei:015d}") for imei in real]
    assert found == sorted(set(found))
    assert all(len(one) == 15 and luhn.is_valid(one) for one in found)


def test_pages_that_follow_each_other_never_run_out_of_room() -> None:
    pseudonyms = Pseudonyms(SALT)
    for page in range(50):
        pseudonyms.add_imeis(range(10**14 + page * 1000, 10**14 + page * 1000 + 1000))
    found = [pseudonyms.imei(str(10**14 + number)) for number in range(50_000)]
    assert found == sorted(set(found))


def test_where_there_is_no_room_left_the_order_is_given_up_and_nothing_else() -> None:
    pseudonyms = Pseudonyms(SALT)
    low, high = 10**14, 9 * 10**14
    pseudonyms.add_imeis([low, high])
    for _ in range(60):
        high = (low + high) // 2
        pseudonyms.add_imeis([high])
    assert len(set(pseudonyms._imeis.values())) == len(pseudonyms._imeis)


def test_a_value_has_one_pseudonym_wherever_it_stands(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "user": "arthur",
        "password": "dent-42-x",
        "key": "the-key",
        "secret": "the-secret",
        "imeis": ["990003425730535", "990000473475989", "990013907835573"],
        "mdn": "9085551234",
        "account": "0242078689-00001",
        "session": "bcce3ea6-fe4f-4952-bacf-eadd80718e83",
        "bearer": "3aee8ad09a0e5e0cbd1f8b2b8f9a8c30",
        "url": "https://hooks.example.com/a?b=c",
    }
    lines = [json.loads(line) for line in recorded(tmp_path / "r.jsonl", exchanges(given)).splitlines()[1:]]
    token, login, listed, refused, callback, report, revoked = lines[:7]
    basic = token["request"]["headers"]["authorization"].partition(" ")[2]
    assert base64.b64decode(basic) == b"key-1:secret-1"
    bearer = token["answer"]["body"]["json"]["access_token"]
    session = login["answer"]["body"]["json"]["sessionToken"]
    assert re.fullmatch("[0-9a-f]{32}", bearer)
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", session)
    assert login["request"]["body"]["json"] == {"username": "user-1", "password": "password-1"}
    assert listed["request"]["headers"] == {"authorization": f"Bearer {bearer}", "vz-m2m-token": session} | {
        name: listed["request"]["headers"][name]
        for name in ("accept", "user-agent")
        if name in listed["request"]["headers"]
    }
    page = listed["answer"]["body"]["json"]
    imeis = [row["deviceId"] for row in page["deviceList"]]
    order = sorted(range(3), key=lambda place: given["imeis"][place])
    assert sorted(range(3), key=lambda place: imeis[place]) == order
    assert (page["accountName"], page["lastSeenDeviceId"]) == ("0000000001-00001", int(imeis[-1]))
    assert listed["request"]["path"] == "/api/fota/v3/licenses/0000000001-00001"
    assert listed["request"]["query"] == f"lastSeenDeviceId={imeis[0]}"
    assert refused["request"]["body"]["json"] == {"deviceList": imeis}
    mdn = page["deviceList"][0]["mdn"]
    told = f"Device {imeis[0]} ({mdn}) of account 0000000001-00001, user user-1, session {session}."
    assert refused["answer"]["body"]["json"] == {"errorCode": "INVALID_PARAMETER", "errorMessage": told}
    assert callback["request"]["body"]["json"] == {
        "name": "Fota",
        "url": "https://listener-1.invalid/",
        "username": "user-1",
        "password": "password-1",
    }
    assert report["request"]["path"].endswith(f"/devices/{imeis[1]}")
    assert report["answer"]["headers"]["location"] == "https://listener-1.invalid/"
    assert "x-debug" not in report["answer"]["headers"]
    assert revoked["request"]["body"]["form"] == [["token", bearer]]
    assert revoked["answer"]["headers"]["revokedaccesstoken"] == bearer
    assert lines[8]["request"]["body"]["json"] == {"password": "password-1"}
    for line in (lines[7], lines[9]):
        assert "not written" in line["request"]["body"]["leftOut"]


def test_two_recordings_have_other_pseudonyms() -> None:
    token = "3aee8ad09a0e5e0cbd1f8b2b8f9a8c30"
    assert Pseudonyms(b"one").token(token) != Pseudonyms(b"two").token(token)


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("2026-03-10T12:00:00.123456Z", True),
        ("2017-11-29 20:15:42.738 +0000 UTC m=+5172.123456789", True),
        ("FOTA_Verizon_Model-A_01To02_HF", True),
        ("License removal not allowed for devices that have ever upgraded firmware.", True),
        ("60b5d639-ccdc-4db8-8824-069bd94c95bf", True),
        ("0", True),
        ("990003425730535", False),
        ("imei990003425730535x", False),
        ("99000342573053", False),
        ("9900034257305355", False),
        ("A10000009296F2", False),
        ("908-555-1234", False),
        ("(908) 555-1234", False),
        ("+19085551234", False),
        ("arthur@example.com", False),
        ("see https://example.com/x.", False),
        ("ftp://me:word@example.com/", False),
        ("242078689-00001", False),
    ],
)
def test_what_is_replaced_in_a_text_and_what_stays(text: str, stays: bool) -> None:
    assert (Redactor(SALT).text(text) == text) is stays


@pytest.mark.parametrize(
    "text", ["0123456789abcdef", "f", "1", "1-", "a.", "a@", "@", "+", "x@" + "b-" * 40_000, "a://", "0123 ", "(123) "]
)
def test_a_long_text_is_redacted_in_linear_time(text: str) -> None:
    """A quadratic pattern takes minutes of the processor for one of these. What others run is not counted."""
    began_s = time.process_time()
    Redactor(SALT).text(text * (400_000 // len(text)))
    assert time.process_time() - began_s < 15


def test_punctuation_is_not_tried_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    shape = Pseudonyms._shape

    def counted(self: Pseudonyms, text: str, attempt: int) -> str:
        attempts.append(attempt)
        return shape(self, text, attempt)

    monkeypatch.setattr(Pseudonyms, "_shape", counted)
    assert Redactor(SALT).headers([("authorization", "=" * 100)]) == {"authorization": "=" * 100}
    assert attempts == [0]


def test_an_address_whose_beginning_was_replaced_is_replaced_too() -> None:
    redactor = Redactor(SALT, texts=["ford"])
    assert redactor.text("fordprefect@example.com").endswith("@example.invalid")
    assert "@b.c" not in redactor.text("a@b.c+d@b.c, +++d@b.c")


def test_pseudonyms_keep_the_form_of_their_values() -> None:
    redactor = Redactor(SALT)
    assert re.fullmatch(r"[0-9]{3}-[0-9]{3}-[0-9]{4}", redactor.text("908-555-1234"))
    assert re.fullmatch(r"\+[1-9][0-9]{10}", redactor.text("+19085551234"))
    assert re.fullmatch("[A-F][0-9]{11}[A-F][0-9]", redactor.text("A10000009296F2"))
    assert redactor.text("242078689-00001") == "000000001-00001"
    assert redactor.text("https://u:p@example.com/") == "https://user:password@listener-1.invalid/"


def test_further_members_and_texts_are_replaced_if_asked_for(tmp_path: Path) -> None:
    request = httpx.Request("GET", "https://service.test/api/fota/v3/x?campaignName=Acme%20June")
    answer = httpx.Response(200, json={"campaignName": "Acme June", "make": "AcmeCorp", "note": "for theAcmeCorps"})
    text = recorded(tmp_path / "r.jsonl", [(request, answer)], Redactor(SALT, ["campaign-name"], ["AcmeCorp"]))
    assert "Acme" not in text


def test_names_of_parameters_and_fields_are_texts_too(tmp_path: Path) -> None:
    url = "https://service.test/api/fota/v3/x?990003425730535&9085551234=1"
    form = httpx.Request("POST", url, data={"990003425730535": "x"})
    text = recorded(tmp_path / "r.jsonl", [(form, httpx.Response(200, json={"990003425730535": 9085551234}))])
    assert "990003425730535" not in text
    assert "9085551234" not in text


def test_a_recording_with_too_many_names_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def pair(number: int) -> tuple[httpx.Request, httpx.Response]:
        users = [{"username": f"user of {number}, {place}"} for place in range(MAX_KNOWN // 2)]
        return httpx.Request("GET", "https://service.test/api/x"), httpx.Response(200, json=users)

    text = recorded(tmp_path / "r.jsonl", [pair(number) for number in range(4)])
    assert text.count("\n") == 3
    assert "no longer recorded" in caplog.text
    with pytest.raises(LimitExceeded):
        Pseudonyms(SALT).add_imeis(range(1, 10**6))


def test_only_the_owner_may_read_a_recording_and_none_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    RecordingFile(path).close()
    assert oct(path.stat().st_mode)[-3:] == "600"
    with pytest.raises(FileExistsError):
        RecordingFile(path)
