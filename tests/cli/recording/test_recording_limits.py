"""What is too much for the proxy or for a recording, and time in a recording."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from cli.recording.conftest import Recording
from fotapool.recording import pairs, proxy
from support.helpers import ACCOUNT, NOW_MS, Api, devices

Record = Callable[[str], Recording]
Compare = Callable[..., Result]


def address(api: Api) -> str:
    return str(api.http.base_url).rstrip("/")


def test_bodies_and_answers_that_are_too_large_are_refused_and_not_recorded(
    start: Callable[..., Api], record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(address(start()))
    recording.api.sign_in()
    count = len(recording.pairs)
    monkeypatch.setattr(proxy, "MAX_BODY_BYTES", 400)
    path = f"/v3/licenses/{ACCOUNT}/assign"
    large = recording.api.call("POST", path, {"deviceList": devices(*range(20)) * 5})
    assert (large.status_code, large.json()["detail"]) == (413, "the body has more than 400 bytes")
    long = recording.api.call("POST", path, {"deviceList": devices(*range(10))})
    assert (long.status_code, long.json()["title"]) == (502, "fotapool record")
    assert recording.api.call("GET", f"/v3/subscriptions/{ACCOUNT}").status_code == 200
    assert len(recording.pairs) == count + 1


def test_a_full_recording_ends_and_the_service_is_used_on(
    start: Callable[..., Api], record: Record, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pairs, "MAX_PAIRS", 4)
    recording = record(address(start()))
    recording.api.sign_in()
    for _ in range(3):
        assert recording.api.call("GET", f"/v3/subscriptions/{ACCOUNT}").status_code == 200
    assert len(recording.pairs) == 4
    assert caplog.text.count("no longer recorded") == 1


def test_the_clock_of_the_comparison_stands_where_each_request_was_recorded(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    api = start()
    recording = record(address(api))
    recording.api.sign_in()
    recording.api.assign(0)
    api.advance("PT21M")
    recording.clock.timestamp_ms = NOW_MS + 21 * 60_000
    refused = recording.api.call("GET", f"/v3/licenses/{ACCOUNT}")
    assert refused.json()["errorMessage"] == "UWS verification failure (The Session has expired.)"
    done = compare(recording.path)
    assert done.exit_code == 0, done.output


def test_what_cannot_be_redacted_is_not_written_and_answered_all_the_same(
    start: Callable[..., Api], record: Record, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(address(start()))
    recording.api.sign_in()
    before = recording.text
    monkeypatch.setattr("fotapool.recording.redaction.Redactor.path", lambda *_: 1 / 0)
    recording.api.assign(0)
    assert recording.text == before
    assert "not recorded: redaction failed (ZeroDivisionError)" in caplog.text
