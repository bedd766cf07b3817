"""A device downloads what it is to install: whole, in ranges, and only while it may."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from fotapool.domain.campaigns.campaigns import Windows
from support.device_helpers import PACKAGE, SEED_HTTP, Device, calling, make_key, refused, schedule, set_content
from support.helpers import ACCOUNT, Api, device

CONTENT = bytes(range(256)) * 4_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TAG = f'"{SHA256}"'
NOT_NOW = (409, "the download is not allowed now: check in to see when it is")


@pytest.fixture
def api(start: Callable[..., Api], tmp_path: Path) -> Api:
    api = start(seed=SEED_HTTP, storage=(tmp_path / "files").as_uri())
    set_content(api, CONTENT)
    return api


@pytest.fixture
def downloading(api: Api) -> Device:
    """A device whose campaign runs."""
    schedule(api, 0)
    return calling(api)


def upgrade_id(one: Device) -> str:
    found: str = one.check_in()["upgrade"]["id"]
    return found


def get(one: Device, method: str = "GET", **headers: str) -> httpx.Response:
    return one.call(method, f"/upgrades/{upgrade_id(one)}/content", headers={**headers})


def test_a_check_in_tells_what_to_download_from_where(downloading: Device) -> None:
    upgrade = downloading.check_in()["upgrade"]
    number = upgrade.pop("id")
    assert upgrade == {
        "name": "FOTA_Verizon_Model-A_01To02_HF",
        "kind": "firmware",
        "fromVersion": "1",
        "toVersion": "2",
        "state": "scheduled",
        "size": len(CONTENT),
        "sha256": SHA256,
        "url": f"/device/v1/{device(0)}/upgrades/{number}/content",
        "downloadAllowed": True,
        "installAllowed": True,
        "nextWindow": None,
    }
    response = downloading.api.http.get(upgrade["url"], headers={"Authorization": f"Bearer {downloading.key}"})
    assert (response.status_code, response.content) == (200, CONTENT)


def test_a_content_is_sent_whole_with_its_checksum_and_not_compressed(downloading: Device) -> None:
    response = get(downloading)
    assert (response.status_code, response.content) == (200, CONTENT)
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert response.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["etag"] == TAG
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-type"] == "application/octet-stream"
    assert "content-encoding" not in response.headers
    head = get(downloading, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("repr-digest", "content-length", "etag", "accept-ranges"):
        assert head.headers[name] == response.headers[name]


def test_a_content_is_put_together_from_ranges(downloading: Device) -> None:
    data = b""
    while len(data) < len(CONTENT):
        response = get(downloading, Range=f"bytes={len(data)}-{len(data) + 299_999}", **{"If-Range": TAG})
        assert response.status_code == 206
        first, last = len(data), min(len(data) + 300_000, len(CONTENT)) - 1
        assert response.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
        assert response.headers["content-length"] == str(last - first + 1)
        data += response.content
    assert data == CONTENT
    assert get(downloading, Range="bytes=-256").content == CONTENT[-256:]


def test_a_range_beyond_the_end_is_416_and_one_of_another_content_is_all_of_it(downloading: Device) -> None:
    response = get(downloading, Range=f"bytes={len(CONTENT)}-")
    assert refused(response) == (416, f"the content has {len(CONTENT)} bytes")
    assert response.headers["content-range"] == f"bytes */{len(CONTENT)}"
    for headers in ({"Range": "bytes=5-", "If-Range": '"other"'}, {"Range": "bytes=0-1,3-4"}, {"Range": "nonsense"}):
        assert get(downloading, **headers).status_code == 200


def test_a_content_that_was_replaced_has_another_tag(api: Api, downloading: Device) -> None:
    set_content(api, b"new")
    response = get(downloading, Range="bytes=2-", **{"If-Range": TAG})
    assert (response.status_code, response.content) == (200, b"new")


def test_nothing_is_sent_outside_the_time_window_and_the_device_is_reported_when(api: Api) -> None:
    schedule(api, 0, windows=Windows(download=((14, 16),)))
    one = calling(api)
    upgrade = one.check_in()["upgrade"]
    assert (upgrade["downloadAllowed"], upgrade["nextWindow"]) == (False, "2026-03-10T14:00:00.000Z")
    assert refused(get(one)) == NOT_NOW
    api.advance("PT2H")
    assert one.check_in()["upgrade"]["downloadAllowed"] is True
    assert get(one).status_code == 200
    assert one.report(upgrade["id"], "downloading").status_code == 200
    api.advance("PT2H")
    assert refused(get(one)) == NOT_NOW


def test_a_campaign_that_has_not_begun_is_not_reported_yet(api: Api) -> None:
    schedule(api, 0, start_date="2026-03-12", end_date="2026-03-13")
    assert calling(api).check_in()["upgrade"] is None


def test_only_the_device_itself_downloads_its_upgrade(api: Api, downloading: Device) -> None:
    schedule(api, 1)
    number = upgrade_id(downloading)
    key = make_key(api)
    other = Device(api, key, device(1))
    detail = (404, f"device {device(1)} has no upgrade {number}")
    assert refused(other.call("GET", f"/upgrades/{number}/content")) == detail
    assert other.call("GET", f"/upgrades/{upgrade_id(other)}/content").status_code == 200
    stranger = Device(api, "nonsense", device(0))
    assert refused(stranger.call("GET", f"/upgrades/{number}/content"))[0] == 401
    for unknown in ("0", "999999", "x", "9" * 30, "%00"):
        assert refused(downloading.call("GET", f"/upgrades/{unknown}/content"))[0] == 404


def test_an_upgrade_that_is_over_is_not_sent_any_more(downloading: Device) -> None:
    number = upgrade_id(downloading)
    assert downloading.report(number, "failed", failure="verify").status_code == 200
    response = downloading.call("GET", f"/upgrades/{number}/content")
    assert refused(response) == (409, "the upgrade is failed already")
    assert downloading.check_in()["upgrade"] is None


def test_a_package_without_content_is_reported_without_an_address(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(seed=SEED_HTTP, storage=(tmp_path / "files").as_uri())
    schedule(api, 0)
    one = calling(api)
    upgrade = one.check_in()["upgrade"]
    assert (upgrade["size"], upgrade["sha256"], upgrade["url"]) == (None, None, None)
    assert refused(one.call("GET", f"/upgrades/{upgrade['id']}/content")) == (
        404,
        "nothing was uploaded for this upgrade",
    )


def test_a_configuration_file_is_downloaded_with_the_path_where_it_goes(api: Api) -> None:
    form = {"fileVersion": "1.0", "make": "Verizon", "model": "Model-A", "localTargetPath": "/etc/hello"}
    uploaded = api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files={"fileupload": ("hello.txt", b"")}).json()
    schedule(api, 0, package="", file=uploaded["fileName"], file_version="1.0")
    one = calling(api)
    upgrade = one.check_in()["upgrade"]
    assert (upgrade["kind"], upgrade["name"], upgrade["targetPath"]) == ("file", uploaded["fileName"], "/etc/hello")
    assert (upgrade["toVersion"], upgrade["size"]) == ("1.0", 0)
    response = get(one)
    assert (response.status_code, response.content) == (200, b"")
    assert refused(get(one, Range="bytes=0-"))[0] == 416


LOST = "the content is missing from the storage or incomplete; an operator has to upload it again"


@pytest.mark.parametrize("left", [None, 0, 100, len(CONTENT) + 1])
def test_a_content_that_is_lost_or_cut_short_is_said_to_be_and_offered_again_once_it_is_back(
    api: Api, downloading: Device, tmp_path: Path, left: int | None
) -> None:
    number = upgrade_id(downloading)
    (path,) = (tmp_path / "files").iterdir()
    path.unlink() if left is None else path.write_bytes(bytes(left))
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=-10"}):
        assert refused(downloading.call("GET", f"/upgrades/{number}/content", headers=headers)) == (404, LOST)
        response = downloading.call("HEAD", f"/upgrades/{number}/content", headers=headers)
        assert response.status_code == 404
    assert downloading.check_in()["upgrade"] is None
    package = f"/firmware/{PACKAGE['firmwareName']}"
    assert api.control("GET", f"{package}/content").json()["lost"]
    assert api.control("GET", package).json()["contentLost"]
    assert api.control("GET", "/snapshot").status_code == 200
    set_content(api, CONTENT)
    assert "contentLost" not in api.control("GET", package).json()
    assert get(downloading).content == CONTENT
    assert "lost" not in api.control("GET", f"{package}/content").json()


def test_a_device_that_has_the_content_goes_on_without_the_storages(
    api: Api, downloading: Device, tmp_path: Path
) -> None:
    number = upgrade_id(downloading)
    (path,) = (tmp_path / "files").iterdir()
    downloading.report(number, "downloading")
    path.unlink()
    assert downloading.check_in()["upgrade"] is None
    downloading.report(number, "downloaded")
    assert downloading.check_in()["upgrade"]["state"] == "downloaded"
    assert downloading.report(number, "installed").status_code == 200


def test_a_storage_that_does_not_answer_is_answered_503_and_still_offered(
    downloading: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise OSError("does not answer")

    monkeypatch.setattr("obstore.head_async", fail)
    monkeypatch.setattr("obstore.get_async", fail)
    response = get(downloading)
    assert refused(response) == (503, "the server is busy; try again later")
    assert response.headers["retry-after"] == "2"
