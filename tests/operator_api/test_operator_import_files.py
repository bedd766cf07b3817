"""Imports of files as spreadsheets save them: what is ignored, repeated or wrong, and the file of failed lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from fotapool.services.devices import imports
from support.helpers import ACCOUNT, Api, device

PATH = f"/accounts/{ACCOUNT}/devices"
NEW, OTHER_NEW = "490154203237518", "490154203237526"


def send(api: Api, content: str | bytes, media_type: str = "text/csv", query: str = "", **headers: str) -> Any:
    response = api.control("POST", PATH + query, content=content, headers={"Content-Type": media_type, **headers})
    assert response.status_code == 200, response.text
    return response.json() if not headers else response


def read(api: Api, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.control("GET", f"{PATH}?after={int(device_id) - 1:015d}&limit=1").json()["devices"][0]
    assert found["deviceId"] == device_id
    return found


def test_a_file_of_a_german_excel_is_read(api: Api) -> None:
    content = (
        "sep=;\r\nStandort;IMEI;Manufacturer;Model;MSISDN;Licensed;;\r\n"
        f'Köln;="{NEW}";Acme;"Modell ""Ü""";0151;TRUE;;\r\n'
        f"Bonn; {OTHER_NEW} ;Acme;B;0152;no;;\r\n;;;;;;;\r\n"
    )
    result = send(api, content.encode("cp1252"))
    assert (result["kept"], result["licensed"], result["failed"]) == (2, 1, 0)
    assert result["notes"] == [
        "Columns ignored: Standort.",
        "The file is not UTF-8 and was read as Windows-1252.",
    ]
    found = read(api, NEW)
    assert (found["make"], found["model"], found["mdn"], found["licensed"]) == ("Acme", 'Modell "Ü"', "0151", True)


def test_unicode_text_of_excel_is_read(api: Api) -> None:
    result = send(api, f"IMEI\tMake\r\n{NEW}\tÄcme\r\n".encode("utf-16"))
    assert (result["kept"], result["notes"]) == (1, [])
    assert read(api, NEW)["make"] == "Äcme"


def test_a_list_of_imeis_needs_no_header(api: Api) -> None:
    assert send(api, f"{NEW}\r{OTHER_NEW}\r")["kept"] == 2


def test_the_same_imei_twice_is_a_warning_for_its_line(api: Api) -> None:
    result = send(api, f"imei,make\n{NEW},A\n{OTHER_NEW},A\n{NEW},B\n")
    assert (result["kept"], result["warned"]) == (3, 1)
    text = "the device is in line 2 as well; this line counts"
    assert result["warnings"] == [{"line": 4, "deviceId": NEW, "error": text}]
    assert read(api, NEW)["make"] == "B"
    again = send(api, json.dumps([{"deviceId": NEW}, {"deviceId": NEW}]), "application/json")
    assert again["warnings"][0]["error"] == "the device is in line 1 as well; this line counts"


def test_repeated_devices_are_found_among_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_REMEMBERED", 2)
    seen = imports.SeenDevices()
    assert [seen.add(number, line) for line, number in enumerate([7, 8, 9, 7, 9], 1)] == [None, None, None, 1, None]


@pytest.mark.parametrize("date", ["31.12.2026", "12/31/2026", "31-12-26", "2026/12/31"])
def test_a_local_date_is_refused_with_the_format_that_is_wanted(api: Api, date: str) -> None:
    error = send(api, f"imei;licensedAt\n{NEW};{date}\n")["errors"][0]["error"]
    assert error == (
        f"licensedAt must be a time like 2017-11-29T20:15:42.738Z, or unknown, not '{date}': "
        "a local date; write it as 2017-11-29"
    )


@pytest.mark.parametrize("text", ["2026-13-45", "soon"])
def test_what_is_no_date_is_not_called_a_local_one(api: Api, text: str) -> None:
    assert "local" not in send(api, f"imei;licensedAt\n{NEW};{text}\n")["errors"][0]["error"]


def test_what_excel_did_to_an_imei_is_said(api: Api) -> None:
    result = send(api, "IMEI;Make\n9,9E+14;A\n12345678901237;A\n")
    assert [one["line"] for one in result["errors"]] == [2, 3]
    assert "Excel has shortened" in result["errors"][0]["error"]
    assert "Excel has probably dropped its leading zero" in result["errors"][1]["error"]


def test_failed_lines_come_as_a_file_to_fix_and_send_again(api: Api) -> None:
    api.assign(0, 1, 2, 3)
    lines = [
        "Site;IMEI;Make;licensedAt",
        f"Köln;{NEW};Acme;31.12.2026",
        f"Bonn;{device(0)};Acme;",
        "=1+1;12;Acme;",
        f"Rom;{device(5)};Acme;2026-01-01",
        f"Pisa;{device(6)};Acme;2026-01-01",
    ]
    result = send(api, "\r\n".join(lines), query="?failedLines=true")
    assert (result["kept"], result["failed"]) == (2, 3)
    rows = list(csv.DictReader(io.StringIO(result["failedLines"])))
    assert list(rows[0]) == ["line", "value", "reason", "deviceId", "Site", "make", "licensedAt"]
    assert [(row["line"], row["value"], row["Site"]) for row in rows] == [
        ("2", "31.12.2026", "Köln"),
        ("4", "12", "'=1+1"),
        ("6", device(6), "Pisa"),
    ]
    assert rows[2]["reason"] == "no unused license available"
    api.subscribe(10)
    rows[0]["licensedAt"], rows[1]["deviceId"] = "2026-12-31", OTHER_NEW
    mended = io.StringIO()
    writer = csv.DictWriter(mended, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    again = send(api, mended.getvalue().encode("utf-16"), query="?failedLines=true")
    assert (again["kept"], again["failed"], again["notes"]) == (3, 0, ["Columns ignored: Site."])
    assert again["failedLines"] == "line,value,reason,deviceId\r\n"
    assert read(api, NEW)["licensedAt"] == "2026-12-31T00:00:00.000Z"
    api.assert_consistent()


def test_failed_lines_of_json_have_the_members_that_were_sent(api: Api) -> None:
    content = [{"deviceId": NEW, "colour": "red"}, {"deviceId": "12", "licensed": True}, 7]
    result = send(api, json.dumps(content), "application/json", "?failedLines=true")
    rows = list(csv.DictReader(io.StringIO(result["failedLines"])))
    assert [(row["line"], row["value"], row["deviceId"], row["colour"], row["licensed"]) for row in rows] == [
        ("1", NEW, NEW, "red", ""),
        ("2", "12", "12", "", "true"),
        ("3", "7", "", "", ""),
    ]


def test_failed_lines_end_the_progress_and_come_with_an_import_that_breaks_off(api: Api) -> None:
    response = send(api, "imei\n12\n", query="?failedLines=true", Accept="application/x-ndjson")
    assert "12" in json.loads(response.text.splitlines()[-1])["result"]["failedLines"]
    content = f'[{{"deviceId": "12"}}, {{"deviceId": "{NEW}"}}, oops'
    broken = api.control(
        "POST", PATH + "?failedLines=true", content=content, headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 400
    assert broken.json()["result"]["kept"] == 1
    assert "12,12" not in broken.json()["result"]["failedLines"].splitlines()[0]
    assert broken.json()["result"]["failedLines"].splitlines()[1].startswith("1,12,")


def test_failed_lines_are_not_there_unless_they_are_asked_for(api: Api) -> None:
    assert "failedLines" not in send(api, "imei\n12\n")


def test_a_long_line_and_one_in_quotes_count_as_one_each(start: Callable[..., Api]) -> None:
    api = start(max_import_line_bytes=100)
    content = f'imei,note\n{NEW},"two\nlines"\n{OTHER_NEW},{"x" * 200}\n12,\n'
    result = send(api, content)
    assert (result["lines"], result["kept"]) == (3, 1)
    assert [(one["line"], one["error"]) for one in result["errors"]] == [
        (4, "the line is longer than 100 bytes"),
        (5, "deviceId '12' has 2 digits; an IMEI has 15"),
    ]
