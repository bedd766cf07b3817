"""Devices send logs while logging is on for them, and the account reads them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.device_helpers import calling, refused
from support.helpers import ACCOUNT, Api, device


def logs(api: Api, number: int = 0) -> list[dict[str, Any]]:
    response = api.call("GET", f"/v2/logging/{ACCOUNT}/devices/{device(number)}/logs")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


def turn_on(api: Api, number: int = 0) -> None:
    assert api.call("PUT", f"/v2/logging/{ACCOUNT}/devices/{device(number)}").status_code == 200


def test_entries_are_kept_with_their_files_and_read_newest_first(api: Api) -> None:
    turn_on(api)
    entries = [
        {"type": "Event", "event": "restarted\nby itself", "time": "2026-03-10T11:00:00Z"},
        {"type": "SoftwareUpdate", "event": "begun", "binaryName": "trace.bin", "binaryBase64": "AAEC"},
    ]
    response = calling(api).call("POST", "/logs", {"entries": entries})
    assert (response.status_code, response.json()) == (200, {"kept": 2})
    found = logs(api)
    assert [(entry["logType"], entry["eventLog"], entry["binaryLogFilename"]) for entry in found] == [
        ("SoftwareUpdate", "begun", "trace.bin"),
        ("Event", "restarted\nby itself", ""),
    ]
    assert base64.b64decode(found[0]["binaryLogFileBase64"]) == b"\x00\x01\x02"


def test_logs_are_refused_unless_logging_is_on(api: Api) -> None:
    first, body = calling(api), {"entries": [{"type": "Event", "event": "x"}]}
    off = (409, "logging is not on for this device; its account turns it on")
    assert refused(first.call("POST", "/logs", body)) == off
    turn_on(api)
    assert first.call("POST", "/logs", body).status_code == 200
    assert refused(calling(api, 1).call("POST", "/logs", body)) == off
    api.advance("P8D")  # logging goes off after seven
    assert refused(first.call("POST", "/logs", body)) == off


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": "Event"},
        {"event": "x"},
        {"type": "Nonsense", "event": "x"},
        {"type": "Event", "event": "a\0b"},
        {"type": "Event", "event": "x" * 10_001},
        {"type": "Event", "event": "x", "time": "yesterday"},
        {"type": "Event", "event": "x", "binaryBase64": "%%%"},
        {"type": "Event", "event": "x", "binaryName": "\0"},
    ],
)
def test_an_entry_that_is_none_is_refused_with_all_others(api: Api, entry: dict[str, str]) -> None:
    turn_on(api)
    good = {"type": "Event", "event": "x"}
    assert refused(calling(api).call("POST", "/logs", {"entries": [good, entry]}))[0] == 400
    assert logs(api) == []


def test_a_request_has_limits_in_entries_and_in_octets(api: Api) -> None:
    turn_on(api)
    first, entry = calling(api), {"type": "Event", "event": "x" * 1000}
    assert first.call("POST", "/logs", {"entries": [entry] * 100}).status_code == 200
    assert refused(first.call("POST", "/logs", {"entries": [entry] * 101}))[0] == 400
    assert refused(first.call("POST", "/logs", {"entries": []}))[0] == 400
    big = {"type": "Event", "event": "x", "binaryBase64": "AAAA" * 70_000}
    assert refused(first.call("POST", "/logs", {"entries": [big]}))[0] == 413
    assert len(logs(api)) == 100
