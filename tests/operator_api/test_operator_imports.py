"""The bulk import: three formats, streamed; good lines are stored, bad ones are reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fotapool.domain.errors import Invalid
from fotapool.services.devices.import_lines import CsvReader, JsonArrayReader, NdjsonReader
from support.helpers import ACCOUNT, OPERATOR, OTHER, SEED, Api, device

PATH = f"/accounts/{ACCOUNT}/devices"
JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
NEW = "490154203237518"
"""An IMEI with a valid check digit."""


def send(api: Api, media_type: str, content: Any, account: str = ACCOUNT, **headers: str) -> httpx.Response:
    headers = {"Content-Type": media_type, **headers}
    return api.control("POST", f"/accounts/{account}/devices", content=content, headers=headers)


def kept(api: Api, media_type: str, content: Any) -> dict[str, Any]:
    response = send(api, media_type, content)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


def read(api: Api, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.control("GET", f"{PATH}?after={int(device_id) - 1:015d}&limit=1").json()["devices"][0]
    assert found["deviceId"] == device_id
    return found


ONE_DEVICE = {
    JSON: f'[{{"deviceId": "{NEW}", "make": "Acme", "model": "Ü", "licensed": true}}]',
    NDJSON: f'\n{{"deviceId": "{NEW}", "make": "Acme", "model": "Ü", "licensed": true}}\r\n\n',
    CSV: f'deviceId,make,model,licensed\r\n{NEW},Acme,"Ü",true\r\n',
}


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("media_type", ONE_DEVICE)
def test_a_device_comes_in_as_json_ndjson_or_csv(api: Api, media_type: str, bom: bytes) -> None:
    result = kept(api, f"{media_type}; charset=utf-8", bom + ONE_DEVICE[media_type].encode())
    counts = {"lines": 1, "kept": 1, "licensed": 1, "failed": 0, "warned": 0}
    assert result == {**counts, "errors": [], "warnings": [], "notes": []}
    found = read(api, NEW)
    assert (found["make"], found["model"], found["licensed"]) == ("Acme", "Ü", True)
    assert found["licensedAt"] == "2026-03-10T12:00:00.000Z"
    assert api.ledger()[-1]["why"] == "imported by the operator as licensed"
    assert NEW in api.licensed()
    api.assert_consistent()


def bad_lines(api: Api, media_type: str, content: str) -> list[tuple[int, str, str]]:
    result = kept(api, media_type, content)
    assert result["failed"] == len(result["errors"])
    assert result["lines"] == result["kept"] + result["failed"]
    assert read(api, NEW)
    return [(one["line"], one["deviceId"], one["error"]) for one in result["errors"]]


def test_bad_lines_of_ndjson_are_reported_with_their_numbers_and_the_good_ones_kept(shared: Api) -> None:
    lines = [
        '{"deviceId": "12"}',
        f'{{"deviceId": "{NEW}"}}',
        "",
        "not json",
        '"text"',
        '{"make": "x"}',
        '{"deviceId": 490154203237518}',
        '{"deviceId": "880000000000000"}',
        f'{{"deviceId": "{NEW}", "imsi": "1"}}',
        f'{{"deviceId": "{NEW}", "protocol": "COAP"}}',
        f'{{"deviceId": "{NEW}", "licensedAt": "yesterday"}}',
        f'{{"deviceId": "{NEW}", "make": "{"m" * 201}"}}',
        f'{{"deviceId": "{NEW}", "licensedAt": "9999-12-31T23:59:59Z"}}',
        "[" * 5000,
        '{"deviceId": {"a": [1]}}',
    ]
    errors = bad_lines(shared, NDJSON, "\n".join(lines))
    assert [line for line, _, _ in errors] == [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    words = {line: error for line, _, error in errors}
    assert words[1] == "deviceId must be 15 digits, not '12'"
    assert words[4].startswith("the line is not JSON")
    assert words[5] == "the line is not a JSON object"
    assert "`deviceId`" in words[6]
    assert "$.deviceId" in words[7]
    assert words[8] == "the device belongs to another account"
    assert "`imsi`" in words[9]
    assert "protocol must be one of LWM2M, OMADM, HTTP, NONE" in words[10]
    assert "licensedAt must be a time like" in words[11]
    assert "make must be at most 200" in words[12]
    assert "before 9999" in words[13]
    assert {device_id for line, device_id, _ in errors if line > 8} == {NEW, ""}


def test_bad_lines_of_csv_are_reported_with_their_numbers_in_the_file(shared: Api) -> None:
    lines = ["deviceId,make", f"{NEW},Acme", "12,Acme", f"{NEW}", "", '"x', f"{NEW},a,b", f"{NEW},\x01"]
    errors = bad_lines(shared, CSV, "\r\n".join(lines))
    assert [line for line, _, _ in errors] == [3, 6, 7, 8]
    assert errors[0][2] == "deviceId '12' has 2 digits; an IMEI has 15"
    assert errors[1][2] == "the quotation mark is not closed"
    assert errors[2][2] == "the line has 3 cells, the header 2: put cells with delimiters in quotes"


def test_bad_elements_of_an_array_are_reported_with_their_places(shared: Api) -> None:
    errors = bad_lines(
        shared, JSON, json.dumps([1, {"deviceId": NEW}, None, [], {"deviceId": "12"}, 10**30, 1e300, "\ud800"])
    )
    assert [line for line, _, _ in errors] == [1, 3, 4, 5, 6, 7, 8]


def test_no_element_of_an_array_brings_the_server_down(shared: Api) -> None:
    numbers = [b"9" * 60_000, b"1e999999", b"-0", b"NaN", b'"\xff"', b'{"deviceId": "\xff\xfe"}', b'{"\\ud800": 1}']
    result = kept(shared, JSON, b"[" + b",".join(numbers) + f',{{"deviceId": "{NEW}"}}]'.encode())
    assert (result["kept"], result["failed"]) == (1, len(numbers))


def test_a_line_that_is_too_long_is_reported_and_the_others_are_kept(start: Callable[..., Api]) -> None:
    api = start(max_import_line_bytes=100)
    lines = [f'{{"deviceId": "{NEW}"}}', "x" * 200_000, '{"deviceId": "12"}', "y" * 101]
    errors = bad_lines(api, NDJSON, "\n".join(lines))
    assert [line for line, _, _ in errors] == [2, 3, 4]
    assert errors[0][2] == errors[2][2] == "the line is longer than 100 bytes"


def test_an_element_that_is_too_long_ends_the_import_of_an_array(start: Callable[..., Api]) -> None:
    api = start(max_import_line_bytes=100)
    content = [f'[{{"deviceId": "{NEW}"}}, {{"make": "'.encode(), *[b"x" * 50_000] * 20, b'"}]']
    response = send(api, JSON, iter(content))
    assert response.status_code == 400
    assert "an element is longer than 100 characters" in response.json()["detail"]
    assert response.json()["result"]["kept"] == 1


def test_re_importing_updates_what_is_said_of_a_device_and_keeps_its_license(api: Api) -> None:
    api.assign(0)
    kept(api, NDJSON, json.dumps({"deviceId": device(0), "make": "Acme", "licensedAt": "2017-11-29T20:15:42.738Z"}))
    found = read(api, device(0))
    assert (found["make"], found["model"]) == ("Acme", "")
    assert found["licensedAt"] == "2026-03-10T12:00:00.000Z"
    twice = "\n".join(json.dumps({"deviceId": device(1), "make": make, "licensed": True}) for make in ("A", "B"))
    assert kept(api, NDJSON, twice)["licensed"] == 1
    assert read(api, device(1))["make"] == "B"
    assert api.pool()["licenseUsedCount"] == 2
    api.assert_consistent()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2017-11-29T20:15:42.738Z", "2017-11-29T20:15:42.738Z"),
        ("2017-11-29T21:15:42+01:00", "2017-11-29T20:15:42.000Z"),
        ("2017-11-29", "2017-11-29T00:00:00.000Z"),
        ("unknown", "unknown"),
    ],
)
def test_licensed_lines_keep_the_time_they_give(api: Api, given: str, shown: str) -> None:
    assert kept(api, CSV, f"licensedAt,deviceId\n{given},{NEW}")["licensed"] == 1
    assert read(api, NEW)["licensedAt"] == shown


def test_licensed_lines_beyond_the_subscription_fail_in_order(api: Api) -> None:
    api.assign(0, 1, 2)
    lines = [json.dumps({"deviceId": device(number), "licensed": True}) for number in (0, 5, 6, 7, 8)]
    result = kept(api, NDJSON, "\n".join(lines))
    assert (result["kept"], result["licensed"], result["failed"]) == (3, 2, 2)
    assert [(one["deviceId"], one["error"]) for one in result["errors"]] == [
        (device(7), "no unused license available"),
        (device(8), "no unused license available"),
    ]
    api.assert_consistent()


def test_a_wrong_check_digit_is_kept_with_a_warning(shared: Api) -> None:
    result = kept(shared, CSV, f"deviceId\n{NEW}\n490154203237517\n")
    assert (result["kept"], result["warned"]) == (2, 1)
    assert result["warnings"] == [{"line": 3, "deviceId": "490154203237517", "error": "the check digit is wrong"}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'[{{"deviceId": "{NEW}"}}, {{"deviceId": ', "the JSON array is not complete"),
        (f'[{{"deviceId": "{NEW}"}}, ???', "no JSON at element 2"),
        (f'[{{"deviceId": "{NEW}"}}, ]', "no JSON at element 2"),
        (f'[{{"deviceId": "{NEW}"}}, 2 {{}}]', "element 2 of the JSON array is not followed by a comma"),
        (f'[{{"deviceId": "{NEW}"}}] []', "there is more after the JSON array"),
        (f'[{{"deviceId": "{NEW}"}}, "\xff', "the JSON array is not complete"),
        (f'[{{"deviceId": "{NEW}"}}, {{}}', "it breaks off"),
        (f'[{{"deviceId": "{NEW}"}}, {"[" * 50_000}', "nested too deeply"),
    ],
)
def test_json_that_breaks_off_is_refused_and_what_came_before_is_kept_and_told(
    shared: Api, content: str, words: str
) -> None:
    response = send(shared, JSON, content.encode("latin-1"))
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    problem = response.json()
    assert words in problem["detail"]
    assert "1 devices before that were kept" in problem["detail"]
    assert (problem["result"]["kept"], problem["result"]["lines"]) == (1, 1)
    assert read(shared, NEW)


@pytest.mark.parametrize(
    ("media_type", "content", "words"),
    [
        (JSON, "", "the body is empty"),
        (CSV, "", "the body is empty"),
        (JSON, "{}", "must be a JSON array"),
        (CSV, f"Terminal,make\n{NEW},x", "deviceId or imei among them"),
        (CSV, f"{NEW},Acme", "must name the columns"),
        (CSV, "0", "must name the columns"),
        (CSV, f"deviceId,make,make\n{NEW},a,b", "the header has the column 'make' twice"),
        (CSV, "PK\x03\x04", "an Excel workbook"),
    ],
)
def test_a_body_that_cannot_be_read_at_all_is_refused(shared: Api, media_type: str, content: str, words: str) -> None:
    response = send(shared, media_type, content)
    assert response.status_code == 400
    assert words in response.json()["detail"]


@pytest.mark.parametrize("media_type", [JSON, NDJSON])
def test_nothing_to_import_is_no_error(shared: Api, media_type: str) -> None:
    assert kept(shared, media_type, "[]" if media_type == JSON else "")["lines"] == 0


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", "nonsense"])
def test_another_media_type_is_refused_with_those_that_are_read(shared: Api, media_type: str) -> None:
    response = send(shared, media_type, ONE_DEVICE[JSON].encode())
    assert (response.status_code, response.headers["content-type"]) == (415, "application/problem+json")
    assert "text/csv" in response.json()["detail"]


def test_an_import_into_an_unknown_account_is_not_found(shared: Api) -> None:
    assert send(shared, NDJSON, "", account="nobody").status_code == 404


def progress_lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == NDJSON
    return [json.loads(line) for line in response.text.splitlines()]


def test_progress_is_reported_line_by_line_and_the_result_last(api: Api) -> None:
    content = "\n".join(json.dumps({"deviceId": f"{number:015d}"}) for number in range(4500))
    lines = progress_lines(send(api, NDJSON, content, Accept=NDJSON))
    assert [list(line) for line in lines] == [["progress"], ["progress"], ["result"]]
    assert lines[0]["progress"] == {"lines": 2000, "kept": 2000, "failed": 0}
    assert lines[2]["result"]["kept"] == 4500


def test_an_error_midway_is_reported_between_progress_and_result(api: Api) -> None:
    content = "[" + ",".join(json.dumps({"deviceId": f"{number:015d}"}) for number in range(2500)) + ", oops"
    lines = progress_lines(send(api, JSON, content, Accept=NDJSON))
    assert [list(line) for line in lines] == [["progress"], ["error"], ["result"]]
    assert "2500 devices before that were kept" in lines[1]["error"]
    assert lines[2]["result"]["kept"] == 2500


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def many(count: int) -> Iterator[bytes]:
    for first in range(0, count, 1000):
        lines = (
            f'{{"deviceId":"{500000000000000 + number}","make":"Acme"}}\n' for number in range(first, first + 1000)
        )
        yield "".join(lines).encode()


@pytest.mark.long_on("postgresql")
def test_a_hundred_thousand_lines_take_no_more_memory_than_a_few(
    database_url: str, server_process: Callable[..., Any], tmp_path: Any
) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    arguments = ("emulate", "--database", database_url, "--seed", str(seed), "--operator-key", OPERATOR)
    with server_process(*arguments) as (address, process), httpx.Client(base_url=address, timeout=300) as http:
        api = Api(http)
        assert send(api, NDJSON, many(10_000), account=OTHER).json()["kept"] == 10_000
        before_kib = resident_kib(process.pid)
        assert send(api, NDJSON, many(100_000), account=OTHER).json()["kept"] == 100_000
        assert resident_kib(process.pid) - before_kib < 20 * 1024
        api.assert_consistent(OTHER)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(("reader", "media_type"), [(JsonArrayReader, JSON), (NdjsonReader, NDJSON), (CsvReader, CSV)])
def test_however_a_body_is_cut_into_chunks_it_reads_the_same(reader: Any, media_type: str, size: int) -> None:
    def found(chunks: list[bytes]) -> list[Any]:
        one = reader(1000)
        lines = [line for chunk in chunks for line in one.feed(chunk)] + list(one.close())
        return [(line.number, line.found, line.original(), line.text) for line in lines]

    body = ONE_DEVICE[media_type].encode()
    assert found([body[place : place + size] for place in range(0, len(body), size)]) == found([body])


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_a_line_that_never_ends_is_not_kept_in_memory(size: int) -> None:
    reader = NdjsonReader(1000)
    for _ in range(100):
        assert list(reader.feed(b"x" * size)) == []
        assert len(reader._lines._rest) <= 1000
    assert size == 1 or [line.number for line in reader.close()] == [1]


def test_an_array_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match=r"longer than 1000|nested too deeply"):
        list(JsonArrayReader(1000).feed(b"[" * 100_000))
