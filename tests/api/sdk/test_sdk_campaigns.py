"""The vendor's own Python SDK, unmodified: every operation of it on campaigns, and every report on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from verizon.exceptions.fota_v1_result_exception import FotaV1ResultException
from verizon.exceptions.fota_v2_result_exception import FotaV2ResultException
from verizon.exceptions.fota_v3_result_exception import FotaV3ResultException
from verizon.models.campaign_firmware_upgrade import CampaignFirmwareUpgrade
from verizon.models.campaign_software_upgrade import CampaignSoftwareUpgrade
from verizon.models.campaign_status_enum import CampaignStatusEnum
from verizon.models.download_time_window import DownloadTimeWindow
from verizon.models.firmware_upgrade_change_request import FirmwareUpgradeChangeRequest
from verizon.models.firmware_upgrade_request import FirmwareUpgradeRequest
from verizon.models.schedules_software_upgrade_request import SchedulesSoftwareUpgradeRequest
from verizon.models.upgrade_status_enum import UpgradeStatusEnum
from verizon.models.upload_and_schedule_file_request import UploadAndScheduleFileRequest
from verizon.models.v2_add_or_remove_device_request import V2AddOrRemoveDeviceRequest
from verizon.models.v2_change_campaign_dates_request import V2ChangeCampaignDatesRequest
from verizon.models.v2_time_window import V2TimeWindow
from verizon.models.v3_add_or_remove_device_request import V3AddOrRemoveDeviceRequest
from verizon.models.v3_change_campaign_dates_request import V3ChangeCampaignDatesRequest
from verizon.models.v3_time_window import V3TimeWindow
from verizon.verizon_client import VerizonClient

from api.campaigning import CAMPAIGN_SEED, HTTP, LATER, LWM2M, NOWHERE, TODAY, TOMORROW, UUID, imeis
from api.sdk.test_sdk import logged_in
from support.helpers import ACCOUNT, Api

FIRST, LAST = date(2026, 3, 11), date(2026, 3, 20)


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED)


def client_of(api: Api) -> VerizonClient:
    return logged_in(str(api.http.base_url).rstrip("/"))


def members(thing: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(thing, name) for name in names)


def rows(thing: Any, *names: str) -> list[tuple[Any, ...]]:
    return [members(row, "device_id", *names) for row in thing.device_list]


def test_version_1(api: Api) -> None:
    client = client_of(api)
    firmware, reports = client.firmware_v1, client.software_management_reports_v1
    two, third = imeis(LWM2M, 2), imeis(LWM2M, 3)[2:]
    request = FirmwareUpgradeRequest(ACCOUNT, "FW-A", "2", TODAY, LATER, two)
    made = firmware.schedule_firmware_upgrade(request).body
    assert re.fullmatch(UUID, made.id)
    assert members(made, "account_name", "firmware_name", "firmware_to", "start_date", "status") == (
        ACCOUNT,
        "FW-A",
        "2",
        TODAY,
        "RequestPending",
    )
    assert rows(made, "status") == [(imei, "RequestPending") for imei in two]
    assert not hasattr(made.device_list[0], "result_reason")
    api.advance("PT10S")
    queued = firmware.list_firmware_upgrade_details(ACCOUNT, made.id).body
    assert members(queued, "id", "status") == (made.id, "Queued")
    assert rows(queued, "status", "result_reason") == [(imei, "Device Accepted", "success") for imei in two]
    append = FirmwareUpgradeChangeRequest("append", third)
    changed = firmware.update_firmware_upgrade_devices(ACCOUNT, made.id, append).body
    assert members(changed, "account_name", "id") == (ACCOUNT, made.id)
    assert rows(changed, "status", "reason") == [(*third, "AddDeviceSucceed", "Device added Successfully")]
    remove = FirmwareUpgradeChangeRequest("remove", third)
    changed = firmware.update_firmware_upgrade_devices(ACCOUNT, made.id, remove).body
    assert rows(changed, "status", "reason") == [(*third, "RemoveDeviceSucceed", "Device removed Successfully")]
    another = FirmwareUpgradeRequest(ACCOUNT, "FW-A", "2", TOMORROW, LATER, third)
    other = firmware.schedule_firmware_upgrade(another).body
    assert firmware.cancel_scheduled_firmware_upgrade(ACCOUNT, other.id).body.success is True
    api.advance("PT6H")
    client = client_of(api)
    firmware, reports = client.firmware_v1, client.software_management_reports_v1
    listed = reports.list_upgrades_for_specified_status(ACCOUNT, UpgradeStatusEnum.FINISHED, "0").body
    assert listed.has_more_flag is False
    assert [members(one, "id", "status") for one in listed.report_list] == [(made.id, "Finished")]
    assert rows(listed.report_list[0], "status") == [
        (two[0], "UpgradeSuccess"),
        (two[1], "UpgradeSuccess"),
        (*third, "UpgradeFailed"),
    ]
    (history,) = reports.get_device_firmware_upgrade_history(ACCOUNT, two[0]).body
    assert members(
        history, "device_id", "id", "account_name", "firmware_from", "firmware_to", "start_date", "status", "reason"
    ) == (two[0], made.id, ACCOUNT, "1", "2", TODAY, "UpgradeSuccess", "success")
    assert re.fullmatch(r"2026-03-10T1\d:\d\d:00.000Z", history.upgrade_start_time)
    with pytest.raises(FotaV1ResultException) as rejected:
        firmware.list_firmware_upgrade_details(ACCOUNT, NOWHERE)
    assert rejected.value.error_message == "Invalid upgradeId"


def test_version_2(api: Api) -> None:
    client = client_of(api)
    campaigns, reports = client.campaigns_v2, client.software_management_reports_v2
    two, third = imeis(HTTP, 2), imeis(HTTP, 3)[2:]
    request = CampaignSoftwareUpgrade(
        "SW-H",
        "1",
        "2",
        "HTTP",
        TOMORROW,
        LATER,
        two,
        "Night",
        TOMORROW,
        [V2TimeWindow(20, 21)],
        TOMORROW,
        [V2TimeWindow(22, 23)],
    )
    made = campaigns.schedule_campaign_firmware_upgrade(ACCOUNT, request).body
    shared = (
        "account_name",
        "campaign_name",
        "software_name",
        "software_from",
        "software_to",
        "distribution_type",
        "make",
        "model",
        "start_date",
        "end_date",
        "download_after_date",
        "install_after_date",
    )
    expected = (ACCOUNT, "Night", "SW-H", "1", "2", "HTTP", "Verizon", "Model-H", FIRST, LAST, FIRST, FIRST)
    assert members(made, *shared) == expected
    assert made.status == "CampaignRequestPending"
    assert [members(one, "start_time", "end_time") for one in made.download_time_window_list] == [(20, 21)]
    assert [members(one, "start_time", "end_time") for one in made.install_time_window_list] == [(22, 23)]
    api.advance("PT10S")
    found = campaigns.get_campaign_information(ACCOUNT, made.id).body
    assert members(found, *shared) == expected
    assert found.status == "CampaignRequestQueued"
    for action in ("append", "remove"):
        change = V2AddOrRemoveDeviceRequest(action, third)
        changed = campaigns.update_campaign_firmware_devices(ACCOUNT, made.id, change).body
        assert members(changed, "account_name", "campaign_id") == (ACCOUNT, made.id)
        assert re.fullmatch(UUID, changed.request_id)
    windows = [V2TimeWindow(3, 4), V2TimeWindow(20, 21)]
    dates = V2ChangeCampaignDatesRequest("2026-03-12", LATER, TOMORROW, windows, TOMORROW, [V2TimeWindow(22, 23)])
    changed = campaigns.update_campaign_dates(ACCOUNT, made.id, dates).body
    assert members(changed, "start_date", "end_date", "status") == (date(2026, 3, 12), LAST, "CampaignRequestQueued")
    assert [members(one, "start_time", "end_time") for one in changed.download_time_window_list] == [(3, 4), (20, 21)]
    history = reports.get_campaign_history_by_status(ACCOUNT, "CampaignRequestQueued").body
    assert history.has_more_data is False
    assert [members(one, "id", "status") for one in history.campaign_list] == [(made.id, "CampaignRequestQueued")]
    assert campaigns.cancel_campaign(ACCOUNT, made.id).body.success is True
    page = reports.get_campaign_device_status(ACCOUNT, made.id).body
    assert members(page, "has_more_data", "max_page_size", "total_device", "last_seen_device_id") == (
        False,
        1000,
        3,
        "0",
    )
    assert rows(page, "status", "result_reason") == [
        (two[0], "CampaignCancelled", "Campaign canceled by user."),
        (two[1], "CampaignCancelled", "Campaign canceled by user."),
        (*third, "CampaignCancelled", "Device removed from campaign by user."),
    ]
    (device,) = reports.get_device_firmware_upgrade_history(ACCOUNT, two[0]).body
    assert members(device, "device_id", "id", "account_name", "software_name", "start_date", "status", "reason") == (
        two[0],
        made.id,
        ACCOUNT,
        "SW-H",
        date(2026, 3, 12),
        "CampaignCancelled",
        "Campaign canceled by user.",
    )
    with pytest.raises(FotaV2ResultException) as rejected:
        campaigns.cancel_campaign(ACCOUNT, made.id)
    assert rejected.value.error_message == "Cannot cancel an upgrade that has already started"


def test_version_2_s_newer_paths_for_software_and_files(start: Callable[..., Api], tmp_path: Any) -> None:
    api = start(CAMPAIGN_SEED, storage=(tmp_path / "files").as_uri())
    campaigns = client_of(api).campaigns_v2
    two = imeis(HTTP, 2)
    text = [DownloadTimeWindow("0", "4")]
    request = SchedulesSoftwareUpgradeRequest(
        "Night", "SW-H", "1", "2", "HTTP", TOMORROW, LATER, TOMORROW, text, TOMORROW, text, two
    )
    made = campaigns.schedule_sw_upgrade_http_devices(ACCOUNT, request).body
    shared = ("account_name", "campaign_name", "distribution_type", "start_date", "end_date", "status")
    expected = (ACCOUNT, "Night", "HTTP", TOMORROW, LATER, "CampaignRequestPending")
    assert members(made, *shared) == expected
    assert members(made, "software_name", "software_from", "software_to", "device_list") == ("SW-H", "1", "2", two)
    assert [members(one, "start_time", "end_time") for one in made.download_time_window_list] == [("0", "4")]
    form = {"fileVersion": "1.0", "make": "Verizon", "model": "Model-H", "localTargetPath": "/hello.txt"}
    parts = {"fileupload": ("hello.txt", b"hello", "text/plain")}
    name = api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files=parts).json()["fileName"]
    wanted = UploadAndScheduleFileRequest(
        "Night", name, "1.0", "HTTP", TOMORROW, LATER, TOMORROW, text, TOMORROW, text, two
    )
    made = campaigns.schedule_file_upgrade(ACCOUNT, wanted).body
    assert members(made, *shared) == expected
    assert members(made, "file_name", "file_version", "device_list") == (name, "1.0", two)
    assert not hasattr(made, "software_name")
    found = campaigns.get_campaign_information(ACCOUNT, made.id).body
    assert members(found, "software_name", "software_to", "model") == (name, "1.0", "Model-H")


def test_version_3(api: Api) -> None:
    client = client_of(api)
    campaigns = client.campaigns_v3
    two, third = imeis(LWM2M, 2), imeis(LWM2M, 6)[5:]
    request = CampaignFirmwareUpgrade(
        "FW-A", "1", "2", "LWM2M", TODAY, LATER, two, True, False, "Smart", [V3TimeWindow(12, 22)]
    )
    made = campaigns.schedule_campaign_firmware_upgrade(ACCOUNT, request).body
    shared = (
        "account_name",
        "campaign_name",
        "firmware_name",
        "firmware_from",
        "firmware_to",
        "protocol",
        "make",
        "model",
        "start_date",
        "end_date",
    )
    expected = (ACCOUNT, "Smart", "FW-A", "1", "2", "LWM2M", "Verizon", "Model-A", date(2026, 3, 10), LAST)
    assert members(made, *shared, "status") == (*expected, "CampaignRequestPending")
    assert [members(one, "start_time", "end_time") for one in made.campaign_time_window_list] == [(12, 22)]
    api.advance("PT10S")
    change = V3AddOrRemoveDeviceRequest("append", [*third, "880000000000000"])
    changed = campaigns.update_campaign_firmware_devices(ACCOUNT, made.id, change).body
    assert members(changed, "account_name", "campaign_id") == (ACCOUNT, made.id)
    assert rows(changed, "status", "reason") == [
        (*third, "AddDeviceSucceed", "Device added Successfully"),
        ("880000000000000", "AddDeviceFailed", "Device not found."),
    ]
    dates = V3ChangeCampaignDatesRequest(TODAY, "2026-03-19", [V3TimeWindow(12, 23)])
    changed = campaigns.update_campaign_dates(ACCOUNT, made.id, dates).body
    assert members(changed, *shared, "status") == (*expected[:-1], date(2026, 3, 19), "CampaignRequestQueued")
    found = campaigns.get_campaign_information(ACCOUNT, made.id).body
    assert members(found, "id", "auto_assign_license_flag", "auto_add_devices_flag") == (made.id, True, False)
    assert found.campaign_time_window_list[0].end_time == 23
    tomorrow = CampaignFirmwareUpgrade("FW-A", "1", "2", "LWM2M", TOMORROW, LATER, two, False, False)
    other = campaigns.schedule_campaign_firmware_upgrade(ACCOUNT, tomorrow).body
    assert campaigns.cancel_campaign(ACCOUNT, other.id).body.success is True
    api.advance("PT6H")
    reports = client_of(api).software_management_reports_v3
    history = reports.get_campaign_history_by_status(ACCOUNT, CampaignStatusEnum.CAMPAIGNENDED).body
    assert history.has_more_data is False
    assert [members(one, "id", *shared[:5], "status") for one in history.campaign_list] == [
        (made.id, *expected[:5], "CampaignEnded")
    ]
    page = reports.get_campaign_device_status(ACCOUNT, made.id).body
    assert members(page, "has_more_data", "max_page_size", "total_device") == (False, 1000, 3)
    assert rows(page, "status", "result_reason") == [
        (imei, "UpgradeSuccess", "Upgrade completed successfully") for imei in [*two, *third]
    ]
    assert page.device_list[0].updated_time.datetime > page.device_list[0].recent_attempt_time.datetime
    device = reports.get_device_firmware_upgrade_history(ACCOUNT, third[0]).body[-1]
    assert members(device, "device_id", "campaign_id", "account_name", "firmware_name", "firmware_from") == (
        *third,
        made.id,
        ACCOUNT,
        "FW-A",
        "1",
    )
    assert members(device, "firmware_to", "start_date", "status", "reason") == (
        "2",
        date(2026, 3, 10),
        "UpgradeSuccess",
        "Upgrade completed successfully",
    )
    assert device.report_updated_time.endswith("+0000 UTC")
    with pytest.raises(FotaV3ResultException) as rejected:
        reports.get_campaign_device_status(ACCOUNT, NOWHERE)
    assert rejected.value.error_message == "Invalid campaignId"
