"""Moving and deleting devices in the console."""

from __future__ import annotations

from console_helpers import Browser, notice_of, words_of

from support.helpers import ACCOUNT, OTHER, Api, device, devices


def test_devices_are_moved_and_deleted_one_and_by_list(console: Browser, api: Api) -> None:
    pages = f"/accounts/{ACCOUNT}/devices"
    assert notice_of(console.post(f"{pages}/{device(0)}/delete", {})) == f"Device {device(0)} deleted."
    assert "This device was deleted on" in words_of(console.get(f"{pages}/{device(0)}"))
    console.post(f"{pages}/{device(1)}/move", {"to": OTHER})
    assert f"moved to account {OTHER}" in words_of(console.get(f"{pages}/{device(1)}"))
    assert device(1) in console.get(f"/accounts/{OTHER}/devices/{device(1)}")
    api.upgrade(2, "scheduled")
    lists = f"/accounts/{ACCOUNT}/device-lists"
    form = {"list": "\n".join(devices(2, 3)), "confirm": ACCOUNT, "to": OTHER}
    assert "type the account's name" in words_of(console.post(f"{lists}/delete", {**form, "confirm": "yes"}, 400))
    assert "no IMEIs" in console.post(f"{lists}/delete", {**form, "list": f"{device(3)}\n12"}, 400)
    assert "holds no IMEI" in console.post(f"{lists}/delete", {**form, "list": "12"}, 400)
    assert "does not exist" in console.post(f"{lists}/move", {**form, "to": "nobody"}, 400)
    page = words_of(console.post(f"{lists}/move", form))
    assert f"1 device moved to account {OTHER}." in page
    assert "cancel it first" in page
    assert "upgradeScheduled: an upgrade" in words_of(console.post(f"{pages}/{device(2)}/delete", {}, 409))
    assert notice_of(console.post(f"{lists}/delete", {**form, "list": device(4)})).startswith("1 device deleted.")
    assert "device moved here" in words_of(console.get(f"/accounts/{OTHER}/ledger?what=arrived"))
    api.assert_consistent()
