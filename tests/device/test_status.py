"""A device reports how far it is; the same report again changes nothing, and none goes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fotapool.core.logs.events import LogEvent
from support.device_helpers import SEED_HTTP, Device, calling, refused, schedule, set_content
from support.helpers import ACCOUNT, OPERATOR, Api, device
from support.log_lines import LogLines


@pytest.fixture
def api(start: Callable[..., Api], tmp_path: Path) -> Api:
    api = start(seed=SEED_HTTP, storage=(tmp_path / "files").as_uri())
    set_content(api, b"content")
    schedule(api, 0, 1)
    return api


@pytest.fixture
def one(api: Api) -> Device:
    return calling(api)


@pytest.fixture
def number(one: Device) -> str:
    found: str = one.check_in()["upgrade"]["id"]
    return found


def shown(api: Api) -> dict[str, object]:
    found: dict[str, object] = api.control("GET", f"/accounts/{ACCOUNT}/devices").json()["devices"][0]
    return found


def test_an_upgrade_goes_its_way_to_the_end(api: Api, one: Device, number: str) -> None:
    for status in ("downloading", "downloaded", "installing"):
        for _ in range(2):
            response = one.report(number, status, message="as planned")
            assert (response.status_code, response.json()["state"]) == (200, status)
            assert one.check_in()["upgrade"]["state"] == status
    for _ in range(2):
        response = one.report(number, "installed")
        assert (response.status_code, response.json()["state"]) == (200, "installed")
    assert one.check_in(firmware="2")["upgrade"] is None
    assert (shown(api)["firmware"], shown(api)["usedByUpgrade"]) == ("2", True)
    api.assert_consistent()


@pytest.mark.parametrize("failure", ["download", "verify", "install", "other", None])
def test_an_upgrade_fails_once(api: Api, one: Device, number: str, failure: str | None) -> None:
    more = {"failure": failure} if failure else {}
    one.report(number, "downloading")
    for _ in range(2):
        response = one.report(number, "failed", **more)
        assert (response.status_code, response.json()["state"]) == (200, "failed")
    assert refused(one.report(number, "installed"))[0] == 409
    assert one.check_in()["upgrade"] is None
    assert (shown(api)["firmware"], shown(api)["usedByUpgrade"]) == ("1", False)


def test_the_message_of_a_failure_is_logged_stored_and_shown(
    api: Api, one: Device, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = LogLines(caplog)
    said = "flash: bad\x00 block <7>\n2026-01-01 forged"
    assert one.report(number, "downloading", message="slow link").status_code == 200
    for _ in range(2):
        assert one.report(number, "failed", failure="install", message=said).status_code == 200
    (progress,) = lines.of(LogEvent.DEVICE_MESSAGE)
    assert (progress["said"], progress["step"], progress["actor"]) == (
        "slow link",
        "downloading",
        f"device {device(0)}",
    )
    failed = lines.of(LogEvent.DEVICE_FAILED)[0]
    assert (failed["level"], failed["failure"], failed["upgrade_id"]) == ("warning", "install", int(number))
    assert (failed["account"], failed["said"]) == (ACCOUNT, said.replace("\x00", ""))
    assert shown(api)["failureMessage"] == said.replace("\x00", "")
    api.http.post("/console/sign-in", data={"key": OPERATOR})
    page = api.http.get(f"/console/accounts/{ACCOUNT}/devices/{device(0)}").text
    assert "the device said: flash: bad block &lt;7&gt;" in page
    schedule(api, 0)
    assert shown(api)["failureMessage"] is None  # it is about the last upgrade


def test_a_failure_without_a_message_is_a_line_too(
    api: Api, one: Device, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    one.report(number, "failed")
    (line,) = LogLines(caplog).of(LogEvent.DEVICE_FAILED)
    assert (line["failure"], line["said"]) == ("other", "no message")
    assert shown(api)["failureMessage"] is None


def test_a_report_that_goes_back_is_refused(one: Device, number: str) -> None:
    assert one.report(number, "installing").status_code == 200
    assert refused(one.report(number, "downloading")) == (409, "the upgrade is past downloading already")
    assert one.check_in()["upgrade"]["state"] == "installing"
    assert one.report(number, "installed").status_code == 200
    assert refused(one.report(number, "installing"))[0] == 409


def test_a_device_reports_on_its_own_upgrade_only(api: Api, number: str) -> None:
    assert refused(calling(api, 1).report(number, "installed")) == (404, f"device {device(1)} has no upgrade {number}")
    assert refused(calling(api, 2).report("x" * 50, "installed"))[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "happy"},
        {"status": 5},
        {"status": "failed", "failure": "bored"},
        {"status": "failed", "message": "x" * 501},
    ],
)
def test_a_report_that_is_none_is_refused(one: Device, number: str, body: dict[str, object]) -> None:
    assert refused(one.call("POST", f"/upgrades/{number}/status", body))[0] == 400
    assert one.check_in()["upgrade"]["state"] == "scheduled"
