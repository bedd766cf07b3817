"""Compressed bodies, forms before sign-in, headers of pages, and answers with secrets."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

import httpx
import pytest

from support.helpers import ACCOUNT, KEY, OPERATOR, PASSWORD, SECRET, USER, Api, devices

GZIP = {"Content-Encoding": "gzip"}
LISTS = json.dumps({"deviceList": devices(1, 2)}).encode()
IMPORT = b"deviceId,make,model,firmware\n990000000000900,Verizon,Model-A,1\n"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def sent(api: Api, edge: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """The answer of an edge to a body."""
    operator = {"Authorization": f"Bearer {OPERATOR}"}
    match edge:
        case "api":
            return api.http.post(f"/api/fota/v3/licenses/{ACCOUNT}/assign", content=body, headers=api.tokens | headers)
        case "session":
            return api.http.post("/api/m2m/v1/session/login", content=body, headers=api.tokens | headers)
        case "oauth":
            return api.http.post("/api/ts/v1/oauth2/token", content=body, headers=FORM | headers, auth=(KEY, SECRET))
        case "operator":
            return api.http.post("/control/v1/users", content=body, headers=operator | headers)
        case "device":
            key = {"Authorization": f"Bearer {device_key(api)}"}
            return api.http.post(f"/device/v1/{devices(0)[0]}/check-in", content=body, headers=key | headers)
    return api.http.post("/console/sign-in", content=body, headers=FORM | headers)


def device_key(api: Api) -> str:
    """A key of its own for each request, named by how many there are."""
    path = f"/accounts/{ACCOUNT}/device-keys"
    made = api.control("POST", path, {"name": f"key-{len(api.control('GET', path).json()['deviceKeys'])}"})
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key


BODIES = {
    "device": (json.dumps({"firmware": "1"}).encode(), 200),
    "api": (LISTS, 200),
    "session": (json.dumps({"username": USER, "password": PASSWORD}).encode(), 200),
    "oauth": (b"grant_type=client_credentials", 200),
    "operator": (json.dumps({"username": "zipped"}).encode(), 201),
    "console": (f"key={OPERATOR}".encode(), 303),
}


@pytest.mark.parametrize("edge", BODIES)
def test_a_body_in_gzip_is_decoded_on_every_edge(api: Api, edge: str) -> None:
    body, status = BODIES[edge]
    zipped = gzip.compress(body)
    assert sent(api, edge, zipped, {"Content-Encoding": "GZip"}).status_code == status
    for broken in (body, zipped[:-4], zipped + b"x", b""):
        assert sent(api, edge, broken, GZIP).status_code == 400, broken
    for other in ("br", "deflate", "gzip, gzip", "identity, gzip"):
        assert sent(api, edge, zipped, {"Content-Encoding": other}).status_code == 415, other
    assert sent(api, edge, gzip.compress(bytes(100 * 1024**2)), GZIP).status_code == 413


def test_a_file_in_gzip_is_stored_as_it_was(api: Api) -> None:
    package = {
        "firmwareName": "zip",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "HTTP",
        "platformId": "p",
    }
    created = api.control("POST", "/firmware", package)
    assert created.status_code == 201, created.text
    content = b"firmware " * 100_000
    stored = api.control("PUT", "/firmware/zip/content", content=gzip.compress(content), headers=GZIP)
    assert stored.json()["sha256"] == sha256(content).hexdigest()


def test_console_forms_before_sign_in_are_small_and_never_a_fault(api: Api) -> None:
    def post(path: str, content: bytes, headers: dict[str, str]) -> int:
        return api.http.post(f"/console{path}", content=content, headers=headers).status_code

    for path in ("/sign-in", "/sign-out"):
        assert post(path, b"key=" + b"x" * 9000, FORM) == 413
        for kind in ("", "; boundary=", "; boundary=%00", "; boundary=a" + ";" * 1000):
            assert post(path, b"--a--", {"Content-Type": "multipart/form-data" + kind}) == 400
        chunked = api.http.post(f"/console{path}", content=iter([b"key=x"]), headers=FORM)
        assert chunked.status_code == 413
    assert post("/pools", b"a=b", FORM | {"Referer": "http://["}) == 401
    assert post("/sign-in", b"key=wrong", FORM | {"Referer": "http://[", "Origin": "http://["}) == 403


@pytest.mark.parametrize("path", ["/", "/docs", "/console/sign-in", "/console/nothing"])
def test_pages_cannot_be_framed_or_run_foreign_scripts(api: Api, path: str) -> None:
    page = api.http.get(path)
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    for style in re.findall("<style>(.*?)</style>", page.text):
        assert b64encode(sha256(style.encode()).digest()).decode() in page.headers["content-security-policy"]


def test_answers_with_secrets_are_not_kept(api: Api) -> None:
    api.call("POST", f"/v1/callbacks/{ACCOUNT}", {"name": "Fota", "url": "http://127.0.0.1:9/", "password": "secret-1"})
    answers = [
        api.get_bearer(),
        api.log_in(),
        api.call("GET", f"/v1/callbacks/{ACCOUNT}"),
        api.control("POST", "/clients", {}),
        api.control("GET", "/snapshot"),
        api.control("GET", "/deliveries"),
    ]
    assert [answer.headers.get("cache-control") for answer in answers] == ["no-store"] * len(answers)


@pytest.mark.parametrize("start_of_mdn", ["%F4%8F%BF%BF", "%ED%9F%BF", "%EF%BF%BF"])
def test_a_search_for_what_is_no_number_is_refused(api: Api, start_of_mdn: str) -> None:
    api.http.post("/console/sign-in", data={"key": OPERATOR})
    found = api.http.get(f"/console/accounts/{ACCOUNT}/devices?mdn={start_of_mdn}")
    assert found.status_code == 400


@pytest.mark.usefixtures("failures_last")
def test_wrong_operator_keys_are_logged_and_slowed_down(
    start: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    api = start(emulator=False, max_failed_sign_ins=3, failed_sign_in_delay_s=0)
    assert api.control("GET", "/accounts").status_code == 200

    def status(key: str) -> int:
        return api.http.get("/control/v1/accounts", headers={"Authorization": f"Bearer {key}"}).status_code

    assert [status("wrong-key") for _ in range(5)] == [401, 401, 401, 429, 429]
    assert status(OPERATOR) == 200  # it was right before
    refused = api.http.post("/console/sign-in", data={"key": "wrong-key"})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    logged = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert logged == ["an operator key from 127.0.0.1 was refused"] * 3
