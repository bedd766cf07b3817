"""Configuration files: uploads are streamed, checked and kept once; a rejected upload leaves nothing behind."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fotapool.services.packages import contents as contents_of_uploads
from support.helpers import ACCOUNT, OTHER, Api

LIMIT_BYTES = 300_000
FIELDS = {"fileVersion": "1.0", "make": "Verizon", "model": "VZW1", "localTargetPath": "/VZWFOTA/hello-world.txt"}
NAME = "configfile-Verizon_VZW1_hello-world.txt"
PATH = f"/v2/files/{ACCOUNT}"
FORM = "multipart/form-data; boundary=xyz"


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def files(start: Callable[..., Api], storage: Path) -> Api:
    return start(storage=storage.as_uri(), max_file_bytes=LIMIT_BYTES)


def upload(
    api: Api,
    content: bytes = b"hello",
    name: str | None = "hello-world.txt",
    path: str = PATH,
    method: str = "POST",
    **fields: str | None,
) -> httpx.Response:
    form = {key: value for key, value in {**FIELDS, **fields}.items() if value is not None}
    parts: dict[str, Any] = {} if name is None else {"fileupload": (name, content, "application/octet-stream")}
    if not parts:
        parts = {"another": ("another.txt", b"", "text/plain")}
    return api.call(method, path, data=form, files=parts)


def listed(api: Api, query: str = "?distributionType=HTTP") -> list[dict[str, Any]]:
    response = api.call("GET", PATH + query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["AvailableFilesResponse"]
    return found


def contents(storage: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in storage.rglob("*") if path.is_file()}


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errorMessage"]


def test_an_upload_is_answered_as_published_and_then_listed(files: Api, storage: Path) -> None:
    response = upload(files)
    assert response.status_code == 200, response.text
    assert response.json() == {
        "fileName": NAME,
        "fileVersion": "1.0",
        "launchDate": "2026-03-10",
        "releaseNote": "",
        "model": "VZW1",
        "make": "Verizon",
        "distributionType": "HTTP",
        "devicePlatformId": "IoT",
        "localTargetPath": "/VZWFOTA/hello-world.txt",
    }
    assert listed(files) == [
        {
            "fileName": NAME,
            "fileVersion": "1.0",
            "releaseNote": "",
            "make": "Verizon",
            "model": "VZW1",
            "localTargetPath": "/VZWFOTA/hello-world.txt",
            "distributionType": "HTTP",
            "devicePlatformId": "IoT",
        }
    ]
    assert list(contents(storage).values()) == [5]


def test_put_uploads_too_as_one_page_lists_it(files: Api) -> None:
    response = upload(files, method="PUT")
    assert (response.status_code, response.json()["fileName"]) == (200, NAME)
    assert error(upload(files)) == error(upload(files, method="PUT")) == (400, "File version already exists")


def test_size_and_checksum_of_what_was_stored_are_kept_with_the_file(files: Api, storage: Path) -> None:
    content = bytes(range(256)) * 1000
    assert upload(files, content).status_code == 200
    connection = files.server.database.connect()
    rows = connection.fetch("SELECT content_key, content_size, content_sha256 FROM configuration_file")
    connection.close()
    (path,) = [path for path in storage.rglob("*") if path.is_file()]
    assert rows == [(path.name, len(content), hashlib.sha256(content).hexdigest())]
    assert path.read_bytes() == content


def test_a_name_and_version_exist_once_and_another_version_beside_them(files: Api, storage: Path) -> None:
    assert upload(files).status_code == 200
    assert error(upload(files, b"other")) == (400, "File version already exists")
    assert upload(files, fileVersion="2.0").status_code == 200
    assert [file["fileVersion"] for file in listed(files)] == ["1.0", "2.0"]
    assert list(contents(storage).values()) == [5, 5]


def test_files_are_listed_for_one_protocol_and_for_http_if_none_is_named(files: Api) -> None:
    upload(files)
    upload(files, distributionType="OMD-DM", releaseNote="For\nothers", devicePlatformId="Hub", fileVersion="2")
    assert [file["fileVersion"] for file in listed(files, "")] == ["1.0"]
    (other,) = listed(files, "?distributionType=OMA")
    assert (other["distributionType"], other["releaseNote"], other["devicePlatformId"]) == (
        "OMADM",
        "For\nothers",
        "Hub",
    )
    assert error(files.call("GET", f"{PATH}?distributionType=PIGEON")) == (400, "Invalid distributionType")


@pytest.mark.parametrize("name", ["fileVersion", "make", "model", "localTargetPath"])
def test_a_field_that_is_missing_or_empty_is_rejected(files: Api, storage: Path, name: str) -> None:
    for value in (None, "", " ", "two\nlines"):
        assert error(upload(files, **{name: value})) == (400, "Invalid file upload")
    assert listed(files) == []
    assert contents(storage) == {}


@pytest.mark.parametrize("name", [None, "..", "a/..", "..\\..", "a/", "a" * 201, " "])
def test_an_upload_without_a_usable_name_is_rejected(files: Api, storage: Path, name: str | None) -> None:
    assert error(upload(files, name=name)) == (400, "Invalid file upload")
    assert contents(storage) == {}


@pytest.mark.parametrize("name", ["/home/me/../hello-world.txt", "C:\\\\me\\\\hello-world.txt"])
def test_of_a_path_as_the_vendors_sdk_sends_it_only_the_last_part_counts(files: Api, name: str) -> None:
    assert upload(files, name=name).json()["fileName"] == NAME


def test_signs_that_do_not_belong_in_a_file_name_are_replaced(files: Api) -> None:
    response = upload(files, name="käse wheel (1).txt", make="Very Zon")
    assert response.json()["fileName"] == "configfile-Very-Zon_VZW1_k-se-wheel--1-.txt"


def test_a_file_of_the_limit_is_taken_and_one_octet_more_leaves_nothing_behind(files: Api, storage: Path) -> None:
    assert error(upload(files, b"x" * (LIMIT_BYTES + 1))) == (413, "File exceeds maximum size")
    assert contents(storage) == {}
    assert upload(files, b"x" * LIMIT_BYTES).status_code == 200
    assert error(upload(files, b"x" * (5 * LIMIT_BYTES), fileVersion="2")) == (413, "File exceeds maximum size")
    assert list(contents(storage).values()) == [LIMIT_BYTES]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    for place in range(0, len(data), size):
        yield data[place : place + size]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_body_in_small_pieces_with_the_file_first_is_read_alike(files: Api, storage: Path, size: int) -> None:
    parts = [("fileupload", '; filename="a.bin"', "\r\n--x-\r\n--x")]
    parts += [(name, "", value) for name, value in FIELDS.items()]
    body = "".join(
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'
        for name, extra, value in parts
    )
    content = (body + "--xyz--\r\n").encode()
    headers = {"Content-Type": FORM}
    response = files.call("POST", PATH, headers=headers, content=chunked(content, size))
    assert response.status_code == 200, response.text
    (path,) = [path for path in storage.rglob("*") if path.is_file()]
    assert path.read_bytes() == b"\r\n--x-\r\n--x"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--"),
        (FORM, b""),
        (FORM, b"nonsense"),
        ("multipart/form-data; boundary=" + "x" * 5000, b"nonsense"),
        (FORM, b'--xyz\r\nContent-Disposition: form-data; name="make"\r\n\r\nV'),
        (FORM, b'--xyz\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n--xyz-'),
        (FORM, b"--xyz\r\n" + b"A: b\r\n" * 1000 + b"\r\nV\r\n--xyz--"),
    ],
)
def test_a_body_that_is_no_form_is_rejected(files: Api, storage: Path, content_type: str, body: bytes) -> None:
    response = files.call("POST", PATH, headers={"Content-Type": content_type}, content=body)
    assert error(response) == (400, "Invalid file upload")
    assert contents(storage) == {}


def test_a_form_has_limits_in_parts_fields_and_files(files: Api, storage: Path) -> None:
    many = {f"f{number}": "x" for number in range(30)}
    assert error(upload(files, **many)) == (400, "Invalid file upload")
    assert error(upload(files, make="x" * 20_000)) == (400, "Invalid file upload")
    twice = [("fileupload", ("a.txt", b"a")), ("fileupload", ("b.txt", b"b"))]
    assert error(files.call("POST", PATH, data=FIELDS, files=twice)) == (400, "Invalid file upload")
    assert contents(storage) == {}


def test_an_upload_to_an_account_that_is_not_the_users_is_rejected_before_its_body_is_read(files: Api) -> None:
    message = f"UWS verification failure (Could not find account {OTHER})"
    assert error(upload(files, path=f"/v2/files/{OTHER}")) == (400, message)
    host, port = files.http.base_url.host, files.http.base_url.port
    tokens = "".join(f"{name}: {value}\r\n" for name, value in files.tokens.items())
    with socket.create_connection((host, port), timeout=120) as client:
        client.sendall(
            f"POST /api/fota/v2/files/{OTHER} HTTP/1.1\r\nHost: localhost\r\n{tokens}"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n".encode()
        )
        assert b"Could not find account" in client.recv(4096)


def test_an_upload_without_tokens_is_rejected(files: Api, storage: Path) -> None:
    response = files.http.post(f"/api/fota{PATH}", data=FIELDS, files={"fileupload": ("a.txt", b"a")})
    assert response.status_code == 401
    assert contents(storage) == {}


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(files: Api, storage: Path) -> None:
    host, port = files.http.base_url.host, files.http.base_url.port
    tokens = "".join(f"{name}: {value}\r\n" for name, value in files.tokens.items())
    part = '--x\r\nContent-Disposition: form-data; name="fileupload"; filename="a.txt"\r\n\r\nhalf'
    with socket.create_connection((host, port), timeout=120) as client:
        client.sendall(
            f"POST /api/fota{PATH} HTTP/1.1\r\nHost: localhost\r\n{tokens}"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n{part}".encode()
        )
    assert upload(files).status_code == 200
    assert [file["fileVersion"] for file in listed(files)] == ["1.0"]
    assert list(contents(storage).values()) == [5]


def test_an_upload_that_pauses_for_too_long_is_broken_off(
    files: Api, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents_of_uploads, "MAX_IDLE_S", 0)
    host, port = files.http.base_url.host, files.http.base_url.port
    tokens = "".join(f"{name}: {value}\r\n" for name, value in files.tokens.items())
    with socket.create_connection((host, port), timeout=120) as client:
        client.sendall(
            f"POST /api/fota{PATH} HTTP/1.1\r\nHost: localhost\r\n{tokens}"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n".encode()
        )
        assert b"Input binding error" in client.recv(4096)
    assert contents(storage) == {}


def test_a_storage_that_fails_is_answered_503_and_nothing_is_recorded(files: Api, storage: Path) -> None:
    storage.write_text("a file where the directory is to be")
    response = upload(files)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert listed(files) == []


def test_a_sign_in_that_ends_elsewhere_in_the_meantime_does_not_spoil_an_upload(files: Api, storage: Path) -> None:
    assert listed(files) == []  # so that the sign-in is remembered
    files.control("POST", "/users", {"username": "another", "password": "x", "accounts": []})
    files.control("DELETE", "/users/another")
    assert upload(files).status_code == 200
    assert list(contents(storage).values()) == [5]
    files.call("POST", "/v3/licenses/x/assign")
    files.http.post("/api/m2m/v1/session/logout", headers=files.tokens)
    assert upload(files, fileVersion="2").status_code == 400
    assert list(contents(storage).values()) == [5]
