"""Logging of devices in version 2: on, off, by whom, for how long; what they logged, and when they checked in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.conftest import FOREIGN_DEVICE, UNKNOWN_DEVICE, Own
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.devices import logs
from fotapool.store.devices.logs import CheckIn, Log, is_logging, record_check_ins, record_logs
from support.helpers import ACCOUNT, NOW_MS, Api, device, devices

DAY_MS = 86_400_000
ON = "/logging/{account}/devices"
WEEK = "2026-03-17"


@pytest.fixture
def store(database_url: str, api: Api) -> Iterator[Connection]:
    """The database of the server behind `api`."""
    connection = open_database(database_url, durable=False).connect(writes=True)
    yield connection
    connection.close()


def statuses(ids: list[str], day: str = WEEK) -> list[dict[str, str]]:
    return [{"deviceId": one, "expiryDate": day} for one in ids]


def error_message(response: Any) -> str:
    assert response.status_code == 400, response.text
    message: str = response.json()["errorMessage"]
    return message


def test_logging_goes_on_and_off_for_a_list_and_for_one_device(own: Own) -> None:
    assert own.call(2, "GET", ON).json() == []
    wanted = own.devices(2, 1, 2)
    assert own.call(2, "PUT", ON, {"deviceIds": wanted}).json() == statuses(own.devices(2, 1))
    assert own.call(2, "PUT", f"{ON}/{own.device(3)}").json() == statuses(own.devices(3))[0]
    assert own.call(2, "GET", ON).json() == statuses(own.devices(1, 2, 3))
    assert own.call(2, "DELETE", f"{ON}/{own.device(2)}").json() == {"success": True}
    assert own.call(2, "DELETE", f"{ON}/{own.device(2)}").json() == {"success": True}
    assert own.call(2, "GET", ON).json() == statuses(own.devices(1, 3))


@pytest.mark.parametrize(
    "query",
    [
        "deviceIds={0}&deviceIds={1}",
        "deviceIds={0},{1}",
        "deviceIds[0]={0}&deviceIds[1]={1}",
        "deviceIds%5B0%5D={0}&deviceIds%5B1%5D={1}",
        "deviceIds[]={0}&deviceIds[]={1}",
        "deviceIds=[{0}, {1}]",
        "deviceIds={0}%2C{1}",
    ],
)
def test_a_list_in_the_query_is_read_however_a_client_writes_it(own: Own, query: str) -> None:
    own.call(2, "PUT", ON, {"deviceIds": own.devices(0, 1, 2)})
    query = query.format(own.device(0), own.device(1))
    assert own.call(2, "DELETE", f"{ON}?{query}").json() == {"success": True}
    assert own.call(2, "GET", ON).json() == statuses(own.devices(2))


def test_logging_is_on_for_at_most_twenty_devices_and_a_request_too_many_does_nothing(api: Api) -> None:
    path = ON.format(account=ACCOUNT)
    api.control("POST", f"/accounts/{ACCOUNT}/devices", [{"deviceId": device(20)}])
    all_but_one = [device(number) for number in range(19)]
    assert api.call("PUT", f"/v2{path}", {"deviceIds": all_but_one}).status_code == 200
    response = api.call("PUT", f"/v2{path}", {"deviceIds": devices(19, 20)})
    assert error_message(response) == "Logging can be enabled for at most 20 devices"
    assert len(api.call("GET", f"/v2{path}").json()) == 19
    assert api.call("PUT", f"/v2{path}", {"deviceIds": devices(0, 19)}).status_code == 200
    assert len(api.call("GET", f"/v2{path}").json()) == 20
    assert error_message(api.call("PUT", f"/v2{path}/{device(20)}")) == "Logging can be enabled for at most 20 devices"


def test_logging_ends_after_seven_days_unless_it_is_turned_on_again(api: Api, store: Connection) -> None:
    path = f"/v2{ON.format(account=ACCOUNT)}"
    api.call("PUT", path, {"deviceIds": devices(0, 1)})
    api.advance("P3D")
    api.sign_in()
    assert api.call("PUT", f"{path}/{device(1)}").json()["expiryDate"] == "2026-03-20"
    api.advance("P4D")
    api.sign_in()
    assert api.call("GET", path).json() == statuses([device(1)], "2026-03-20")
    later = NOW_MS + 7 * DAY_MS
    assert [is_logging(store, 1, int(device(number)), later) for number in (0, 1)] == [False, True]
    api.call("PUT", f"{path}/{device(2)}")
    assert store.fetch("SELECT count(*) FROM device_logging") == [(2,)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Device list is empty"),
        ({"deviceIds": []}, "Device list is empty"),
        ([], "Input binding error"),
        ({"deviceIds": ["1"]}, "Invalid device id format"),
        ({"deviceIds": [1]}, "Invalid device id format"),
        ({"deviceIds": "1"}, "Input binding error"),
        ({"deviceIds": [UNKNOWN_DEVICE]}, "Device not found."),
        ({"deviceIds": [FOREIGN_DEVICE]}, "Device not found."),
        ({"deviceIds": ["1" * 15] * 301}, "Device list exceeds maximum size"),
    ],
)
def test_a_list_that_is_none_is_rejected(own: Own, body: Any, message: str) -> None:
    assert error_message(own.call(2, "PUT", ON, body)) == message
    assert own.call(2, "GET", ON).json() == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Device list is empty"),
        ("deviceIds=", "Device list is empty"),
        ("other=1", "Device list is empty"),
        ("deviceIds=1", "Invalid device id format"),
        (f"deviceIds={UNKNOWN_DEVICE}", "Device not found."),
        ("deviceIds=1&" * 101, "Device list exceeds maximum size"),
    ],
)
def test_a_query_that_names_no_devices_of_the_account_is_rejected(own: Own, query: str, message: str) -> None:
    assert error_message(own.call(2, "DELETE", f"{ON}?{query}")) == message


@pytest.mark.parametrize(("method", "end"), [("PUT", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/checkInHistory")])
@pytest.mark.parametrize(
    ("given", "message"),
    [(UNKNOWN_DEVICE, "Device not found."), (FOREIGN_DEVICE, "Device not found."), ("1", "Invalid device id format")],
)
def test_a_device_that_is_not_the_account_s_is_rejected(
    own: Own, method: str, end: str, given: str, message: str
) -> None:
    assert error_message(own.call(2, method, f"{ON}/{given}{end}")) == message


def check_in(number: int, at_ms: int, result: str = "Success", failure: str = "") -> CheckIn:
    return CheckIn(
        account_id=1, imei=int(device(number)), at_ms=at_ms, client_type="HTTP", result=result, failure=failure
    )


def test_check_ins_are_listed_newest_first_without_logging_being_on(api: Api, store: Connection) -> None:
    record_check_ins(
        store,
        [
            check_in(0, NOW_MS - 31 * DAY_MS),
            check_in(0, NOW_MS - 2000),
            check_in(1, NOW_MS - 1500),
            check_in(0, NOW_MS - 1000, "Failure", "Timeout"),
        ],
    )
    path = f"/v2/logging/{ACCOUNT}/devices/{device(0)}/checkInHistory"
    answer = api.call("GET", path).json()
    assert answer == [
        {
            "deviceId": device(0),
            "clientType": "HTTP",
            "result": "Failure",
            "failureType": "Timeout",
            "timeCompleted": "03/10/2026 11:59:59",
        },
        {
            "deviceId": device(0),
            "clientType": "HTTP",
            "result": "Success",
            "failureType": "",
            "timeCompleted": "03/10/2026 11:59:58",
        },
    ]
    by_sdk = api.call("GET", path, headers={"User-Agent": "APIMATIC 3.0"}).json()
    assert [row["timeCompleted"] for row in by_sdk] == ["2026-03-10T11:59:59.000Z", "2026-03-10T11:59:58.000Z"]
    record_check_ins(store, [check_in(2, NOW_MS - number) for number in range(1500)])
    assert len(api.call("GET", f"/v2/logging/{ACCOUNT}/devices/{device(2)}/checkInHistory").json()) == 1000


def log(number: int, at_ms: int, event: str, content: bytes = b"") -> Log:
    return Log(
        account_id=1,
        imei=int(device(number)),
        at_ms=at_ms,
        type="Event",
        event=event,
        binary_name="trace.bin" if content else "",
        binary_content=content,
    )


def test_logs_are_listed_newest_first_with_their_files(api: Api, store: Connection) -> None:
    record_logs(
        store,
        [
            log(0, NOW_MS - 31 * DAY_MS, "old"),
            log(0, NOW_MS - 1000, "one"),
            log(1, NOW_MS, "other"),
            log(0, NOW_MS, "two", b"\x00\xff"),
        ],
    )
    path = f"/v2/logging/{ACCOUNT}/devices/{device(0)}/logs"
    two, one = api.call("GET", path).json()
    assert two == {
        "deviceId": device(0),
        "logTime": "03/10/2026 12:00:00",
        "logType": "Event",
        "eventLog": "two",
        "binaryLogFileBase64": "AP8=",
        "binaryLogFilename": "trace.bin",
    }
    assert (one["eventLog"], one["binaryLogFileBase64"], one["binaryLogFilename"]) == ("one", "", "")


def test_a_list_of_logs_has_a_limit_in_rows_and_one_in_octets(
    api: Api, store: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_logs(store, [log(0, NOW_MS, f"{number}", b"x" * 100) for number in range(1100)])
    path = f"/v2/logging/{ACCOUNT}/devices/{device(0)}/logs"
    events = [row["eventLog"] for row in api.call("GET", path).json()]
    assert (len(events), events[0]) == (1000, "1099")
    monkeypatch.setattr(logs, "MAX_BINARY_LISTED_BYTES", 350)
    assert [row["eventLog"] for row in api.call("GET", path).json()] == ["1099", "1098", "1097"]
