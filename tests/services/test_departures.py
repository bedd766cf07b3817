"""Devices that are deleted or moved: what goes with them, what stays on record, what is refused."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.device_helpers import Device, calling, make_key
from support.helpers import ACCOUNT, OTHER, Api, device, devices

HERE, THERE = f"/accounts/{ACCOUNT}", f"/accounts/{OTHER}"


def answer_of(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def move(api: Api, *numbers: int, source: str = HERE, to: str = OTHER, status: int = 200) -> Any:
    lines = [{"deviceId": device(number)} for number in numbers]
    return answer_of(api.control("POST", f"{source}/device-moves?to={to}", lines), status)


def delete(api: Api, *numbers: int) -> Any:
    lines = [{"deviceId": device(number)} for number in numbers]
    return answer_of(api.control("POST", f"{HERE}/device-deletions", lines))


def imeis(api: Api, account: str = ACCOUNT) -> set[str]:
    rows = answer_of(api.control("GET", f"/accounts/{account}/devices?limit=1000"))["devices"]
    return {row["deviceId"] for row in rows}


def entries(api: Api, number: int, account: str = ACCOUNT) -> list[tuple[str, str, int, int]]:
    found = api.ledger(account, f"?deviceId={device(number)}")
    return [(one["what"], one["why"], one["usedBefore"], one["usedAfter"]) for one in found]


def assert_consistent(api: Api) -> None:
    api.assert_consistent()
    api.assert_consistent(OTHER)


def use_license(api: Api, number: int) -> None:
    api.assign(number)
    api.upgrade(number, "scheduled", "inProgress", "completed")


def test_a_license_that_could_be_removed_goes_with_its_device_and_a_used_one_stays_counted(api: Api) -> None:
    use_license(api, 0)
    api.assign(1)
    api.candidates(1, 2, 3)
    assert delete(api, 0, 1, 2) == {
        "lines": 3,
        "done": 3,
        "failed": 0,
        "licensesRemoved": 1,
        "licensesKept": 1,
        "errors": [],
        "notes": [],
    }
    assert imeis(api).isdisjoint(devices(0, 1, 2))
    assert (api.pool()["licenseUsedCount"], api.pool()["candidates"]) == (1, 1)
    why = "the device was deleted"
    assert entries(api, 0)[-1] == ("kept", f"{why}; its license is used or under notice and stays counted", 1 + 1, 2)
    assert entries(api, 1)[-1] == ("removed", why, 2, 1)
    assert entries(api, 2) == [("device deleted", "it had no license", 1, 1)]
    assert api.licensed() == [device(0)]
    assert api.remove(0)["deviceList"][0]["status"] == "LicenseRemoveFailure"
    assert_consistent(api)
    answer_of(api.control("POST", f"{HERE}/devices", [{"deviceId": device(0), "licensed": True}]))
    assert api.pool()["licenseUsedCount"] == 1  # it is back with its license, which no second device can use
    delete(api, 0)
    assert api.subscribe(0)["reclaimed"] == [device(0)]
    assert api.pool()["licenseUsedCount"] == 0
    assert_consistent(api)


def test_a_license_under_notice_stays_until_its_notice_ends(api: Api) -> None:
    api.assign(0)
    api.upgrade(0, "inProgress")
    api.subscribe(0)
    api.upgrade(0, "failed")
    assert delete(api, 0)["licensesKept"] == 1
    api.subscribe(1)  # raised before the notice ended: the license is a plain one again
    assert_consistent(api)
    api.subscribe(0)
    assert api.pool()["licenseUsedCount"] == 0
    assert_consistent(api)


def test_a_moved_device_is_in_the_other_account_with_its_properties_and_both_tell_of_it(api: Api) -> None:
    answer_of(api.control("POST", f"{HERE}/devices", [{"deviceId": device(3), "make": "M", "mdn": "5551234567"}]))
    api.assign(3)
    done = move(api, 3)
    assert (done["done"], done["licensesRemoved"]) == (1, 1)
    assert device(3) not in imeis(api)
    there = answer_of(api.control("GET", f"{THERE}/devices/{device(3)}"))
    assert (there["device"]["make"], there["device"]["mdn"], there["device"]["licensed"]) == ("M", "5551234567", False)
    assert (there["leftAt"], there["movedTo"]) == (None, None)
    assert f"moved here: from account {ACCOUNT}" in [one["text"] for one in there["timeline"]]
    here = answer_of(api.control("GET", f"{HERE}/devices/{device(3)}"))
    assert (here["device"]["mdn"], here["device"]["status"], here["movedTo"]) == ("", "Moved", OTHER)
    assert here["timeline"][0]["text"].startswith(f"moved away: to account {OTHER}, its license was removed")
    last, arrived = api.ledger()[-1], api.ledger(OTHER)[-1]
    assert (last["request"], last["detail"]) == ("move devices", {"devices": 1, "to": OTHER})
    assert (arrived["what"], arrived["detail"]) == ("device moved here", {"devices": 1, "of": ACCOUNT})
    assert last["requestId"] == arrived["requestId"]
    move(api, 3, source=THERE, to=ACCOUNT)
    assert device(3) in imeis(api)
    (entry,) = answer_of(api.control("GET", f"/audit-log?action=moveDevices&account={ACCOUNT}"))["entries"]
    assert entry["after"] == {"to": OTHER, "moved": 1, "licensesRemoved": 1, "licensesKept": 0}
    assert_consistent(api)


def test_its_history_and_the_pages_of_lists_stay_readable(api: Api) -> None:
    use_license(api, 0)
    api.assign(1)
    delete(api, 0, 5)
    found = answer_of(api.control("GET", f"{HERE}/devices/{device(0)}"))
    assert found["leftAt"] == "2026-03-10T12:00:00.000Z"
    assert [one["event"] for one in found["timeline"]].count("upgraded") == 1
    page = api.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId={device(0)}").json()
    assert [row["deviceId"] for row in page["deviceList"]] == [device(1)]
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId=123456789012345").status_code == 400
    answer_of(api.control("GET", f"{HERE}/devices/123456789012345"), 404)


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("scheduled", "upgradeScheduled", "that an operator has set is scheduled: cancel it first"),
        ("inProgress", "upgradeInProgress", "that an operator has set is in progress: wait until it has ended"),
    ],
)
def test_a_device_with_an_open_upgrade_is_refused_and_stays(api: Api, state: str, code: str, words: str) -> None:
    api.assign(0)
    api.upgrade(0, state)
    for path in ("/device-deletions", f"/device-moves?to={OTHER}"):
        text = f"{device(0)}\n{device(1)}\n12\n{device(1)}\n880000000000000\n"
        found = answer_of(api.control("POST", HERE + path, content=text, headers={"Content-Type": "text/csv"}))
        assert (found["lines"], found["failed"]) == (5, 5 if "moves" in path else 4)
        codes = {one["line"]: (one["code"], one["deviceId"]) for one in found["errors"]}
        assert codes[1] == (code, device(0))
        assert words in found["errors"][0]["error"]
        assert (codes[3][0], codes[4][0], codes[5][0]) == ("deviceIdInvalid", "deviceRepeated", "deviceNotFound")
    for method, path, body in (("DELETE", "", None), ("PUT", "/account", {"account": OTHER})):
        refused = answer_of(api.control(method, f"{HERE}/devices/{device(0)}{path}", body), 409)
        assert refused["detail"] == f"{code}: an upgrade {words}"
    assert device(0) in imeis(api)
    assert_consistent(api)


def test_the_campaign_of_a_device_is_named_also_before_its_check(api: Api) -> None:
    package = {"firmwareName": "F", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
    answer_of(api.control("POST", "/firmware", [package]), 201)
    api.assign(0)
    body = {
        "campaignName": "c",
        "firmwareName": "F",
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "startDate": "2026-03-11",
        "endDate": "2026-03-13",
        "deviceList": [device(0)],
    }
    uuid = answer_of(api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body))["id"]
    for _ in range(2):
        (error,) = delete(api, 0)["errors"]
        assert error["error"] == f"an upgrade of campaign {uuid} is scheduled: cancel it first"
        api.advance("PT1H")
        api.sign_in()
    assert api.call("DELETE", f"/v3/campaigns/{ACCOUNT}/{uuid}").status_code == 200
    assert delete(api, 0)["done"] == 1
    assert_consistent(api)


def test_where_devices_cannot_move(api: Api) -> None:
    assert "name another account" in move(api, 0, to=ACCOUNT, status=409)["detail"]
    assert move(api, 0, to="nobody", status=404)["detail"] == "account nobody does not exist"
    answer_of(api.control("POST", f"{HERE}/copies", {"name": "copy"}), 201)
    assert "is a copy" in move(api, 0, to="copy", status=409)["detail"]
    assert "to is missing" in answer_of(api.control("POST", f"{HERE}/device-moves", []), 400)["detail"]
    api.assert_consistent("copy")


def test_a_device_key_moves_with_its_device_and_ends_when_it_is_deleted(api: Api) -> None:
    phone = calling(api, 0)
    phone.check_in()
    common = Device(api, make_key(api), device(0))
    common.check_in()
    move(api, 0)
    phone.check_in()  # with the key that it has had, now as a device of the other account
    assert common.call("POST", "/check-in", {}).status_code == 404
    make_key(api, "of 1", account=OTHER)
    calling(api, 1)
    (error,) = move(api, 1)["errors"]
    assert (error["code"], "key of 1 has the name" in error["error"]) == ("deviceKeyExists", True)
    answer_of(api.control("DELETE", f"{THERE}/devices/{device(0)}"))
    assert phone.call("POST", "/check-in", {}).status_code == 401
    assert_consistent(api)


def test_a_copy_and_a_snapshot_have_what_stays(api: Api) -> None:
    use_license(api, 0)
    delete(api, 0)
    answer_of(api.control("POST", f"{HERE}/copies", {"name": "copy"}), 201)
    api.assert_consistent("copy")
    snapshot = api.control("GET", "/snapshot").json()
    api.subscribe(0)
    assert api.control("PUT", "/snapshot", snapshot).status_code in (200, 204)
    assert api.control("GET", "/snapshot").json() == snapshot
    assert_consistent(api)


def test_moves_beside_assigning_reducing_and_scheduling_leave_all_numbers_right(api: Api) -> None:
    api.subscribe(12)
    everything = imeis(api) | imeis(api, OTHER)

    def act(chance: random.Random) -> int:
        numbers = chance.sample(range(12), 4)
        lines, licenses = [{"deviceId": device(number)} for number in numbers], {"deviceList": devices(*numbers)}
        upgrade = f"{HERE}/devices/{device(numbers[0])}/upgrade"
        changes = [
            ("control", "POST", f"{HERE}/device-moves?to={OTHER}", lines),
            ("control", "POST", f"{THERE}/device-moves?to={ACCOUNT}", lines),
            ("call", "POST", f"/v3/licenses/{ACCOUNT}/assign", licenses),
            ("call", "POST", f"/v3/licenses/{ACCOUNT}/remove", licenses),
            ("call", "POST", f"/v2/licenses/{ACCOUNT}/cancel", licenses),
            ("control", "PUT", f"{HERE}/subscription", {"licenseCount": chance.choice((3, 12))}),
            ("control", "PUT", upgrade, {"status": chance.choice(("scheduled", "canceled"))}),
        ]
        by, *request = chance.choice(changes)
        status: int = getattr(api, by)(*request).status_code
        return status

    def act_often(seed: int) -> set[int]:
        chance = random.Random(seed)
        return {act(chance) for _ in range(12)}

    with ThreadPoolExecutor(4) as threads:
        statuses = set().union(*threads.map(act_often, range(4)))
    assert statuses <= {200, 404, 409}
    here, there = imeis(api), imeis(api, OTHER)
    assert (here | there, here & there) == (everything, set())
    assert_consistent(api)
