"""Reconciliation: every form of the carrier's file, every kind of difference, and files of another shape."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from fotapool.services.billing import reconciliation
from support.helpers import ACCOUNT, OTHER, Api, device

UNKNOWN = "990000000009999"
PATH = "/reconciliation"


def compare(api: Api, content: str | bytes, query: str = "", status: int = 200) -> dict[str, Any]:
    response = api.control("POST", PATH + query, content=content, headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def csv_of(api: Api, content: str, query: str = "") -> list[dict[str, str]]:
    response = api.control("POST", f"{PATH}?format=csv{query}", content=content)
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def pages_of(api: Api, version: str) -> list[str]:
    """The license status pages of the account, as a client saves them."""
    pages, cursor = [], "0"
    while True:
        path = f"/v1/licenses/{ACCOUNT}/index/{cursor}" if version == "v1" else f"/{version}/licenses/{ACCOUNT}"
        answer = api.call("GET", path, params=None if version == "v1" else {"lastSeenDeviceId": cursor})
        pages.append(answer.text)
        page = answer.json()
        if not page["hasMoreData"]:
            return pages
        cursor = str(page["lastSeenDeviceId"])


def names(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["deviceId"], row["licensed"]) for row in rows]


def test_numbers_are_compared_by_account(api: Api) -> None:
    api.assign(0, 1)
    assert compare(api, f"Account;License Count;Used\n{ACCOUNT};5;2\n{OTHER};5;2\n")["equal"]
    result = compare(api, f"account,licenseCount,used,note\n{ACCOUNT},9,2,x\n{ACCOUNT[:-1]}9,1,1,y\nbad name,1,1,z\n")
    assert (result["equal"], result["accountsCompared"], result["accountsDifferent"]) == (False, 3, 3)
    blank = {"onlyHere": None, "onlyAtCarrier": None}
    assert result["accounts"] == [
        {"account": ACCOUNT, "licenseCount": 5, "carrierLicenseCount": 9, "used": 2, "carrierUsed": 2, **blank},
        {
            "account": f"{ACCOUNT[:-1]}9",
            "licenseCount": None,
            "carrierLicenseCount": 1,
            "used": None,
            "carrierUsed": 1,
            **blank,
        },
        {"account": OTHER, "licenseCount": 5, "carrierLicenseCount": None, "used": 2, "carrierUsed": None, **blank},
    ]
    assert result["notes"] == ["Columns ignored: note."]
    assert result["errors"] == [{"line": 4, "error": "'bad name' is not the name of an account"}]
    grouped = compare(api, f'account;licenseCount;used\n{ACCOUNT};"1,234";1.234.567\n{ACCOUNT};1235;\n')
    assert [grouped["accounts"][0][name] for name in ("carrierLicenseCount", "carrierUsed")] == [1234, 1234567]
    twice = "the account is listed with 1,234 and with 1,235 licenses"
    assert grouped["errors"] == [{"line": 3, "error": twice}]
    rows = csv_of(api, f"account,licenseCount,used\n{ACCOUNT},9,1\n{ACCOUNT[:-1]}9,1,1\n")
    assert [(row["account"], row["difference"], row["here"], row["carrier"]) for row in rows] == [
        (ACCOUNT, "licenseCount", "5", "9"),
        (ACCOUNT, "used", "2", "1"),
        (f"{ACCOUNT[:-1]}9", "account", "", "known"),
        (OTHER, "account", "known", ""),
    ]


def test_devices_are_compared_with_what_the_ledger_says_about_them(api: Api) -> None:
    api.assign(0, 1, 2)
    api.remove(1)
    listed = f"account,imei\n{ACCOUNT},{device(0)}\n{ACCOUNT},{device(1)}\n{ACCOUNT},{device(1)}\n"
    content = listed + f"{ACCOUNT},880000000000004\n{ACCOUNT},{UNKNOWN}\n{OTHER},880000000000000\n{OTHER},12\n"
    result = compare(api, content)
    assert (result["onlyHere"], result["onlyAtCarrier"], result["devicesCompared"]) == (2, 3, 5)
    assert [(row["account"], row["used"], row["carrierUsed"]) for row in result["accounts"]] == [
        (ACCOUNT, 2, 4),
        (OTHER, 2, 1),
    ]
    assert names(result["devices"]) == [
        ("880000000000004", "carrier"),
        (device(1), "carrier"),
        (device(2), "here"),
        (UNKNOWN, "carrier"),
        ("880000000000001", "here"),
    ]
    elsewhere, removed, assigned, unknown, _ = result["devices"]
    assert (elsewhere["account"], elsewhere["deviceAccount"], elsewhere["lastChange"]) == (ACCOUNT, OTHER, None)
    assert (removed["lastChange"], removed["lastChangeAt"]) == ("removed", "2026-03-10T12:00:00.000Z")
    assert removed["lastChangeActor"] == "zbeeblebrox"
    assert (assigned["assignedAt"], assigned["lastChange"]) == ("2026-03-10T12:00:00.000Z", "assigned")
    assert {unknown[name] for name in ("deviceAccount", "assignedAt", "lastChange", "lastChangeAt")} == {None}
    assert result["errors"] == [{"line": 8, "error": "'12' has 2 digits; an IMEI has 15"}]
    rows = [row for row in csv_of(api, content) if row["difference"] == "device"]
    assert [(row["deviceId"], row["here"], row["carrier"]) for row in rows] == [
        (device, "licensed" if side == "here" else "", "licensed" if side == "carrier" else "")
        for device, side in names(result["devices"])
    ]
    assert rows[1]["lastChangeRequestId"] == removed["lastChangeRequestId"]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_saved_license_status_pages_are_compared(api: Api, version: str) -> None:
    api.assign(0, 1, 2)
    pages = pages_of(api, version)
    for content in ("\n".join(pages), f"[{','.join(pages)}]", json.dumps(json.loads(pages[0]), indent=2)):
        assert compare(api, content)["equal"]
    document = json.loads(pages[0]) | {"hasMoreData": True}
    document["deviceList"] = [{"deviceId": UNKNOWN}, *document["deviceList"][1:], {"deviceId": "1"}]
    result = compare(api, json.dumps(document))
    assert names(result["devices"]) == [(device(0), "here"), (UNKNOWN, "carrier")]
    assert (result["accountsDifferent"], result["failed"]) == (1, 1)
    assert result["notes"] == [
        f"The last page of {ACCOUNT} has hasMoreData: true. Devices of pages after it count as only here."
    ]


def test_a_list_of_imeis_belongs_to_the_named_account(api: Api) -> None:
    api.assign(0, 1)
    content = f"{device(1)}\n{device(0)}\n"
    assert compare(api, content, f"?account={ACCOUNT}")["equal"]
    assert "the first line is" in compare(api, content, status=400)["detail"]
    assert compare(api, f"imei,used\n{device(0)},2\n{device(1)},\n", f"?account={ACCOUNT}")["equal"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        ("[]", "the file is empty"),
        ("name,city\nx,y\n", "the first line is 'name,city'"),
        ("account\n0242078689-00001\n", "the first line is 'account'"),
        (b"PK\x03\x04....", "an Excel workbook"),
        ('{"name": "x"}', "document 1 has name: expected account"),
        ('{"accountName": "x", "deviceList": 5}', "the list of devices is not an array"),
        ("[1, 2]", "document 1 is not a JSON object"),
        ('{"account": "x"', "document 1 is not complete, or is no JSON"),
        ('[{"account": "x", "used": 1}', "document 2 is not complete, or is no JSON"),
        ('[{"account": "x", "used": 1}] x', "document 2 is not complete, or is no JSON"),
        ("[" * 100_000, "document 1 is not a JSON object"),
    ],
)
def test_a_file_of_another_shape_is_refused(shared: Api, content: str | bytes, says: str) -> None:
    assert says in compare(shared, content, status=400)["detail"]


def test_results_list_the_first_differences_and_the_file_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_LISTED": 3, "BATCH": 4, "LICENSES_PER_READ": 2, "IN_MEMORY_BYTES": 100}.items():
        monkeypatch.setattr(reconciliation, name, value)
    api.subscribe(20)
    api.assign(*range(20))
    content = "account,imei\n" + "".join(f"{ACCOUNT},{device(number)}\n" for number in range(10, 30))
    result = compare(api, content)
    assert (len(result["devices"]), result["onlyHere"], result["onlyAtCarrier"]) == (3, 10, 10)
    rows = csv_of(api, content)
    found = [row["deviceId"] for row in rows if row["difference"] == "device"]
    assert found == [device(number) for number in (*range(10), *range(20, 30))]


def test_viewers_may_compare_and_nothing_is_recorded(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "watcher", "role": "viewer"}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    before = api.pool()
    response = api.control("POST", PATH, content=f"account,used\n{ACCOUNT},3\n", headers=headers)
    assert response.json()["accountsDifferent"] == 2
    assert api.pool() == before
    assert [one["operator"] for one in api.control("GET", "/audit-log?operator=watcher").json()["entries"]] == []
