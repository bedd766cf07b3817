"""What is recorded of an emulator is answered in the same way by a fresh one, and what is not is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from verizon.exceptions.fota_v3_result_exception import FotaV3ResultException
from verizon.models.campaign_firmware_upgrade import CampaignFirmwareUpgrade
from verizon.models.v1_licenses_assigned_removed_request import V1LicensesAssignedRemovedRequest
from verizon.models.v2_license_imei import V2LicenseIMEI
from verizon.models.v2_list_of_licenses_to_remove_request import V2ListOfLicensesToRemoveRequest
from verizon.models.v3_add_or_remove_device_request import V3AddOrRemoveDeviceRequest
from verizon.models.v3_license_imei import V3LicenseIMEI
from verizon.models.v3_time_window import V3TimeWindow
from verizon.verizon_client import VerizonClient

from api.campaigning import CAMPAIGN_SEED, LATER, LWM2M, NOWHERE, TOMORROW, imeis
from api.sdk.test_sdk import logged_in
from cli.recording.conftest import Recording
from support.helpers import ACCOUNT, OTHER, SEED, Api, devices

Record = Callable[[str], Recording]
Compare = Callable[..., Result]


def address(api: Api) -> str:
    return str(api.http.base_url).rstrip("/")


def use_licenses(client: VerizonClient) -> None:
    """A session of the SDK with all three versions, refusals among them."""
    v1, v2, v3 = (getattr(client, f"software_management_licenses_v{number}") for number in (1, 2, 3))
    client.software_management_subscriptions_v3.get_account_subscription_status(ACCOUNT)
    client.software_management_reports_v2.list_account_devices(ACCOUNT)
    v3.assign_licenses_to_devices(ACCOUNT, V3LicenseIMEI([*devices(0, 1, 2), "111111111111111"]))
    v1.assign_licenses_to_devices(ACCOUNT, V1LicensesAssignedRemovedRequest(devices(2, 3)))
    v2.assign_licenses_to_devices(ACCOUNT, V2LicenseIMEI(devices(4, 5, 6)))
    v3.get_account_licenses_status(ACCOUNT)
    v2.create_list_of_licenses_to_remove(ACCOUNT, V2ListOfLicensesToRemoveRequest(devices(3, 1)))
    v2.list_licenses_to_remove(ACCOUNT, "0")
    v3.remove_licenses_from_devices(ACCOUNT, V3LicenseIMEI(devices(0, 9)))
    for account, ids in ((ACCOUNT, ["x"]), (ACCOUNT, []), (OTHER, devices(0))):
        with pytest.raises(FotaV3ResultException):
            v3.assign_licenses_to_devices(account, V3LicenseIMEI(ids))
    v2.delete_list_of_licenses_to_remove(ACCOUNT)


def use_campaigns(client: VerizonClient) -> None:
    campaigns, reports = client.campaigns_v3, client.software_management_reports_v3
    two, third = imeis(LWM2M, 2), imeis(LWM2M, 3)[2:]
    request = CampaignFirmwareUpgrade(
        "FW-A", "1", "2", "LWM2M", TOMORROW, LATER, two, False, False, "Night", [V3TimeWindow(20, 21)]
    )
    made = campaigns.schedule_campaign_firmware_upgrade(ACCOUNT, request).body
    campaigns.get_campaign_information(ACCOUNT, made.id)
    campaigns.update_campaign_firmware_devices(ACCOUNT, made.id, V3AddOrRemoveDeviceRequest("append", third))
    reports.get_campaign_device_status(ACCOUNT, made.id)
    with pytest.raises(FotaV3ResultException):
        campaigns.get_campaign_information(ACCOUNT, NOWHERE)
    campaigns.cancel_campaign(ACCOUNT, made.id)


def test_a_session_of_the_sdk_is_answered_the_same_by_a_fresh_emulator(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    recording = record(address(start()))
    use_licenses(logged_in(recording.address))
    done = compare(recording.path)
    assert (done.exit_code, done.output) == (0, f"{len(recording.pairs)} requests compared, none with differences\n")
    assert len(recording.pairs) >= 16


def test_campaigns_are_found_again_under_the_ids_that_they_have_now(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    recording = record(address(start(CAMPAIGN_SEED)))
    use_campaigns(logged_in(recording.address))
    done = compare(recording.path)
    assert done.exit_code == 0, done.output


def test_tokens_from_before_the_recording_are_replaced_by_ones_of_its_own(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    api = start()
    recording = record(f"{address(api)}/api")
    recording.api.bearer, recording.api.session = api.bearer, api.session
    recording.api.assign(0, 1)
    recording.api.session = "bcce3ea6-fe4f-4952-bacf-eadd80718e83"
    assert recording.api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 400
    done = compare(recording.path, "--json")
    assert (done.exit_code, json.loads(done.output)["compared"]) == (0, 3), done.output


FAULT: dict[str, Any] = {
    "match": {"path": "/api/fota/v3/licenses/*/assign"},
    "action": {
        "status": 200,
        "body": {
            "accountName": ACCOUNT,
            "licCount": 5,
            "licUsedCount": "1",
            "surprise": 1,
            "deviceList": [{"deviceId": devices(0)[0], "status": "LicenseAssigned", "resultReason": "Success"}],
        },
    },
}


def test_an_answer_that_differs_is_told_by_operation_place_and_words(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    api = start()
    assert api.control("POST", "/faults", FAULT).status_code == 201
    recording = record(address(api))
    recording.api.sign_in()
    recording.api.assign(0)
    done = compare(recording.path)
    assert done.exit_code == 1, done.output
    assert "V3-3 assign_licenses  POST /api/fota/v3/licenses/{account}/assign  (1 of 1 request)" in done.output
    for line in (
        ".deviceList[].status  words: recorded LicenseAssigned, here LicenseAssignSuccess  [request 4]",
        ".deviceList[].Reason  was not in the recorded answer; here Success  [request 4]",
        ".licUsedCount  type: recorded text 1, here number 1  [request 4]",
        ".surprise  is missing here; recorded 1  [request 4]",
        "4 requests compared, 1 with differences",
    ):
        assert line in done.output, done.output
    told = json.loads(compare(recording.path, "--json").output)
    assert (told["requests"], told["compared"], told["differing"], told["skipped"]) == (4, 4, 1, [])
    (operation,) = [one for one in told["operations"] if one["differing"]]
    assert operation["operation"] == "V3-3"
    assert {"where": ".surprise", "what": "missing", "recorded": "1", "here": "", "requests": [4]} in operation[
        "differences"
    ]
    ignored = compare(recording.path, *(f"--ignore={name}" for name in ("surprise", "Reason", "licTotalCount")))
    assert "surprise" not in ignored.output


def test_a_running_emulator_is_compared_with_as_it_is(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    api = start()
    recording = record(address(api))
    recording.api.sign_in()
    recording.api.assign(0)
    other = start({**SEED, "accounts": [], "users": []}, sign_in=False)
    key = ("--against", address(other), "--operator-key", "test-operator-key")
    done = compare(recording.path, *key)
    assert done.exit_code == 0, done.output
    again = compare(recording.path, *key)
    assert "recorded Success, here Device license preexisting" in again.output
    assert again.exit_code == 1


def test_values_are_told_if_they_are_asked_for(
    start: Callable[..., Api], record: Record, compare: Compare, tmp_path: Path
) -> None:
    recording = record(address(start()))
    recording.api.sign_in()
    recording.api.call("GET", f"/v3/subscriptions/{ACCOUNT}")
    account = recording.pairs[-1]["answer"]["body"]["json"]["accountName"]
    seed = tmp_path / "other.json"
    seed.write_text(json.dumps({"accounts": [{"name": account, "licenseCount": 7}]}))
    assert compare(recording.path, "--values").exit_code == 0
    assert compare(recording.path, "--seed", str(seed)).exit_code == 0
    done = compare(recording.path, "--values", "--seed", str(seed))
    assert done.exit_code == 1
    assert ".licenseCount  value: recorded 5, here 7" in done.output


def test_an_upload_is_replayed_with_a_file_of_the_same_size(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    recording = record(address(start()))
    recording.api.sign_in()
    files = {"fileupload": ("settings.bin", b"secret contents" * 9, "application/octet-stream")}
    form = {"fileVersion": "1", "make": "Verizon", "model": "Model-A", "localTargetPath": "/etc/"}
    path = f"/api/fota/v2/files/{ACCOUNT}"
    sent = recording.api.http.post(path, files=files, data=form, headers=recording.api.tokens)
    assert sent.status_code == 200, sent.text
    assert "secret contents" not in recording.text
    assert recording.pairs[-1]["request"]["body"]["files"][0]["bytes"] == 135
    done = compare(recording.path)
    assert done.exit_code == 0, done.output


def test_what_was_left_out_of_a_recording_is_not_replayed_and_said(
    start: Callable[..., Api], record: Record, compare: Compare
) -> None:
    recording = record(address(start()))
    recording.api.sign_in()
    path = f"/api/fota/v3/licenses/{ACCOUNT}/assign"
    recording.api.http.post(path, content=b"{'deviceList': 1}", headers=recording.api.tokens)
    done = compare(recording.path)
    assert done.exit_code == 2
    assert "request 4 (V3-3 assign_licenses  POST" in done.output
    assert "was not sent: its body is not in the recording" in done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no requests"),
        ("{}\n", "line 1"),
        ('{"fotapoolRecording": 2}\n', "format 2"),
        ('{"fotapoolRecording": 1}\n{"number": 1}\n', "line 2"),
        ('{"fotapoolRecording": 1}\nnot json\n', "line 2"),
    ],
)
def test_what_is_no_recording_is_refused(compare: Compare, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(text)
    done = compare(path)
    assert (done.exit_code, words in done.output) == (2, True), done.output
