"""Erasing personal data: the MDN is nowhere afterwards, and the books are as they were."""

from __future__ import annotations

import json
from typing import Any

from console_helpers import Browser, notice_of

from support.device_helpers import calling
from support.helpers import ACCOUNT, OTHER, Api, device, devices

HERE = f"/accounts/{ACCOUNT}"
MDN = "15559871234"
PACKAGE = {"firmwareName": "F", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}


def answer_of(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def records(api: Api) -> str:
    """All that the database has, and the audit log."""
    snapshot = answer_of(api.control("GET", "/snapshot"))
    return json.dumps([snapshot, answer_of(api.control("GET", "/audit-log?limit=1000"))])


def fill(api: Api, console: Browser) -> None:
    """A device with an MDN, which its logs, its failure and a bad line of a bulk list repeat."""
    line = {"deviceId": device(0), "make": "Verizon", "model": "Model-A", "firmware": "1", "mdn": MDN}
    answer_of(api.control("POST", f"{HERE}/devices", [line, {"deviceId": device(1), "mdn": "15550000000"}]))
    api.assign(0)
    phone = calling(api, 0)
    assert api.call("PUT", f"/v2/logging/{ACCOUNT}/devices/{device(0)}").status_code == 200
    entry = {"type": "Event", "event": f"I am {MDN}", "binaryName": "a", "binaryBase64": "AAAA"}
    assert phone.call("POST", "/logs", {"entries": [entry, entry]}).status_code == 200
    answer_of(api.control("POST", "/firmware", [PACKAGE]), 201)
    body = {
        "campaignName": "c",
        "firmwareName": "F",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "startDate": "2026-03-11",
        "endDate": "2026-03-13",
        "deviceList": [device(0)],
    }
    answer_of(api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body))
    api.advance("P1D")
    upgrade = phone.check_in()["upgrade"]["id"]
    assert phone.report(upgrade, "failed", message=f"call {MDN}").status_code == 200
    console.post(f"{HERE}/licenses", {"verb": "remove", "list": f"imei,mdn\n12,{MDN}\n{device(3)},1\n"})


def test_the_mdn_is_in_no_record_afterwards_and_the_books_are_as_they_were(console: Browser, api: Api) -> None:
    fill(api, console)
    assert MDN in records(api)
    ledger, statement = api.ledger(), answer_of(api.control("GET", f"{HERE}/statements/2026-03"))
    done = answer_of(api.control("DELETE", f"{HERE}/devices/{device(0)}/personal-data"))
    assert done == {
        "lines": 1,
        "done": 1,
        "failed": 0,
        "mdns": 1,
        "logs": 2,
        "failureMessages": 1,
        "listLines": 1,
        "errors": [],
        "notes": [],
    }
    assert MDN not in records(api)
    assert (api.ledger(), answer_of(api.control("GET", f"{HERE}/statements/2026-03"))) == (ledger, statement)
    found = answer_of(api.control("GET", f"{HERE}/devices/{device(0)}"))["device"]
    assert (found["mdn"], found["licensed"], found["failureMessage"], found["make"]) == ("", True, None, "Verizon")
    entry = answer_of(api.control("GET", "/audit-log?action=eraseDevice"))["entries"][0]
    assert (entry["target"], entry["after"]["mdns"], entry["after"]["logs"]) == (device(0), 1, 2)
    api.assert_consistent()


def test_lists_are_erased_also_of_devices_that_have_left(console: Browser, api: Api) -> None:
    fill(api, console)
    api.control("DELETE", f"{HERE}/devices/{device(0)}")
    assert MDN in records(api)
    lines = [{"deviceId": one} for one in (*devices(0, 1), "123456789012345")]
    done = answer_of(api.control("POST", f"{HERE}/device-erasures", lines))
    assert (done["done"], done["mdns"], done["logs"], done["failureMessages"]) == (2, 1, 2, 1)
    assert [one["code"] for one in done["errors"]] == ["deviceNotFound"]
    assert MDN not in records(api)
    form = {"list": device(1), "confirm": ACCOUNT}
    none = "0 MDNs, 0 log entries, 0 failure messages, 0 skipped lines of bulk lists."
    assert notice_of(console.post(f"{HERE}/device-lists/erase", form)) == f"Erased of 1 device: {none}"
    assert notice_of(console.post(f"{HERE}/devices/{device(1)}/erase", {})) == f"Erased of 1 device: {none}"
    missing = api.control("DELETE", f"/accounts/{OTHER}/devices/{device(1)}/personal-data")
    assert "never had device" in answer_of(missing, 404)["detail"]
    api.assert_consistent()
