"""Contents of packages: raw bytes in, size and checksum out; what is replaced or refused does not stay behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from support.helpers import Api

LIMIT_BYTES = 300_000
NAME = "FOTA_Verizon_Model-A_01To02_HF"
PACKAGE = {
    "firmwareName": NAME,
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "protocol": "HTTP",
}
PATH = f"/firmware/{NAME}/content"


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def packages(start: Callable[..., Api], storage: Path) -> Api:
    api = start(storage=storage.as_uri(), max_file_bytes=LIMIT_BYTES)
    assert api.control("POST", "/firmware", PACKAGE).status_code == 201
    return api


def contents(storage: Path) -> list[bytes]:
    return [path.read_bytes() for path in storage.rglob("*") if path.is_file()]


def put(api: Api, content: bytes | Iterator[bytes], path: str = PATH) -> httpx.Response:
    return api.control("PUT", path, content=content, headers={"Content-Type": "application/octet-stream"})


def in_pieces(content: bytes) -> Iterator[bytes]:
    for place in range(0, len(content), 1000):
        yield content[place : place + 1000]


@pytest.mark.parametrize("whole", [True, False])
def test_a_package_content_is_described_by_size_and_checksum(packages: Api, storage: Path, whole: bool) -> None:
    content = bytes(range(256)) * 100
    view = {"firmwareName": NAME, "size": 25_600, "sha256": hashlib.sha256(content).hexdigest()}
    response = put(packages, content if whole else in_pieces(content))
    assert (response.status_code, response.json()) == (200, view)
    assert packages.control("GET", PATH).json() == view
    assert packages.control("HEAD", PATH).status_code == 200
    assert contents(storage) == [content]


def test_a_content_is_replaced_and_the_old_one_is_deleted(packages: Api, storage: Path) -> None:
    put(packages, b"old")
    assert put(packages, b"new one").json()["size"] == 7
    assert contents(storage) == [b"new one"]


def test_a_package_without_content_and_one_that_there_is_not_are_not_found(packages: Api, storage: Path) -> None:
    assert packages.control("GET", PATH).json()["detail"] == f"package {NAME} has no content; send it by PUT"
    for path in ("/firmware/nonsense/content", "/firmware/%00/content"):
        assert packages.control("GET", path).status_code == 404
        assert put(packages, b"x", path).status_code == 404
    assert contents(storage) == []


def test_a_content_that_is_empty_or_over_the_limit_is_refused_and_the_old_one_stays(
    packages: Api, storage: Path
) -> None:
    put(packages, b"old")
    assert put(packages, b"").status_code == 400
    assert put(packages, b"x" * (LIMIT_BYTES + 1)).status_code == 413
    assert put(packages, in_pieces(b"x" * (LIMIT_BYTES + 1))).status_code == 413
    assert contents(storage) == [b"old"]
    assert put(packages, b"x" * LIMIT_BYTES).status_code == 200


def test_a_storage_that_fails_is_answered_503(packages: Api, storage: Path) -> None:
    storage.write_text("a file where the directory is to be")
    response = put(packages, b"content")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


def test_a_package_that_is_deleted_takes_its_content_along(packages: Api, storage: Path) -> None:
    put(packages, b"content")
    assert packages.control("DELETE", f"/firmware/{NAME}").status_code == 204
    assert contents(storage) == []
