"""The vendor's own Python SDK, unmodified, calls the operations on devices, firmware and logging."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from verizon.exceptions.fota_v2_result_exception import FotaV2ResultException
from verizon.exceptions.fota_v3_result_exception import FotaV3ResultException
from verizon.models.campaign_meta_info_protocol_enum import CampaignMetaInfoProtocolEnum
from verizon.models.device_imei import DeviceIMEI
from verizon.models.device_logging_request import DeviceLoggingRequest
from verizon.models.devices_protocol_enum import DevicesProtocolEnum
from verizon.models.firmware_imei import FirmwareIMEI
from verizon.models.firmware_protocol_enum import FirmwareProtocolEnum
from verizon.verizon_client import VerizonClient

from api.conftest import UNKNOWN_DEVICE
from api.sdk.test_sdk import sdk
from fotapool.store.db.factory import open_database
from fotapool.store.devices.logs import CheckIn, Log, record_check_ins, record_logs
from support.helpers import ACCOUNT, NOW_MS, SEED, Api, device, devices

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PACKAGES = [
    {
        "firmwareName": f"F-{protocol}",
        "make": "Verizon",
        "model": "Model-A",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": protocol,
        "releaseNote": "Fixes.",
    }
    for protocol in ("LWM2M", "OMADM", "HTTP")
]


@pytest.fixture
def client(start: Callable[..., Api]) -> VerizonClient:
    api = start({**SEED, "firmware": PACKAGES}, page_size=10)
    lines = [
        {"deviceId": device(number), "make": "Verizon", "model": "Model-A", "firmware": "1", "protocol": protocol}
        for number, protocol in ((0, "HTTP"), (1, "OMADM"))
    ]
    api.control("POST", f"/accounts/{ACCOUNT}/devices", lines)
    return sdk(str(api.http.base_url).rstrip("/"), api.session)


def values(enumeration: type) -> set[str]:
    """What the SDK's generated enumeration can parse."""
    return {value for name, value in vars(enumeration).items() if name.isupper() and isinstance(value, str)}


def ids(rows: Any) -> list[str]:
    return [row.device_id for row in rows]


def test_version_1(client: VerizonClient) -> None:
    firmware = client.firmware_v1.list_available_firmware(ACCOUNT).body
    assert [(row.firmware_name, row.launch_date.datetime, row.to_version) for row in firmware] == [
        (f"F-{protocol}", NOW, "2") for protocol in ("HTTP", "LWM2M", "OMADM")
    ]
    page = client.software_management_reports_v1.list_account_devices(ACCOUNT, "0").body
    assert (ids(page.device_list), page.has_more_data) == (devices(*range(10)), True)
    rest = client.software_management_reports_v1.list_account_devices(ACCOUNT, str(page.last_seen_device_id)).body
    assert (ids(rest.device_list), rest.has_more_data) == (devices(*range(10, 20)), False)
    assert (page.device_list[0].fota_eligible, page.device_list[0].upgrade_time) == (True, "01/01/1900 0:0:0")


def test_version_2(client: VerizonClient) -> None:
    reports = client.software_management_reports_v2
    software = reports.list_available_software(ACCOUNT, "OMD-DM").body
    assert [(row.software_name, row.launch_date, row.distribution_type) for row in software] == [
        ("F-OMADM", date(2026, 3, 10), "OMD-DM")
    ]
    assert len(reports.list_available_software(ACCOUNT).body) == 3
    assert ids(reports.list_account_devices(ACCOUNT, None, "HTTP").body.device_list) == [device(0)]
    page = reports.list_account_devices(ACCOUNT, device(9)).body
    assert (ids(page.device_list), page.max_page_size, page.last_seen_device_id) == (devices(*range(10, 20)), 10, "0")


def test_version_2_logging(client: VerizonClient, database_url: str) -> None:
    logging = client.client_logging
    enabled = logging.enable_logging_for_devices(ACCOUNT, DeviceLoggingRequest(devices(0, 1, 2))).body
    assert [(row.device_id, row.expiry_date) for row in enabled] == [
        (device(number), date(2026, 3, 17)) for number in range(3)
    ]
    assert logging.enable_device_logging(ACCOUNT, device(3)).body.device_id == device(3)
    logging.disable_device_logging(ACCOUNT, device(0))
    logging.disable_logging_for_devices(ACCOUNT, device(1))
    assert ids(logging.list_devices_with_logging_enabled(ACCOUNT).body) == devices(2, 3)
    logging.disable_logging_for_devices(ACCOUNT, devices(2, 3))
    assert ids(logging.list_devices_with_logging_enabled(ACCOUNT).body) == []
    connection = open_database(database_url, durable=False).connect(writes=True)
    record_logs(
        connection,
        [
            Log(
                account_id=1,
                imei=int(device(0)),
                at_ms=NOW_MS,
                type="Event",
                event="started",
                binary_name="t.bin",
                binary_content=b"\x00",
            )
        ],
    )
    record_check_ins(
        connection,
        [CheckIn(account_id=1, imei=int(device(0)), at_ms=NOW_MS, client_type="HTTP", result="Success", failure="")],
    )
    connection.close()
    (log,) = logging.list_device_logs(ACCOUNT, device(0)).body
    assert (log.log_time.datetime, log.log_type, log.event_log, log.binary_log_file_base_64) == (
        NOW,
        "Event",
        "started",
        "AA==",
    )
    (check_in,) = client.server_logging.get_device_check_in_history(ACCOUNT, device(0)).body
    assert (check_in.time_completed.datetime, check_in.client_type, check_in.result) == (NOW, "HTTP", "Success")
    with pytest.raises(FotaV2ResultException):
        logging.enable_device_logging(ACCOUNT, UNKNOWN_DEVICE)


def test_version_3(client: VerizonClient) -> None:
    firmware = client.firmware_v3
    for asked, found in (("LW_M2M", ["LWM2M"]), ("OMDDM", ["OMD-DM"]), ("ALL", ["LWM2M", "OMD-DM"])):
        rows = firmware.list_available_firmware(ACCOUNT, getattr(FirmwareProtocolEnum, asked)).body
        assert [(row.protocol, row.launch_date.datetime) for row in rows] == [(protocol, NOW) for protocol in found]
        assert {row.protocol for row in rows} <= values(CampaignMetaInfoProtocolEnum)
    synchronized = firmware.synchronize_device_firmware(ACCOUNT, FirmwareIMEI([device(0), UNKNOWN_DEVICE])).body
    assert [
        (row.device_id, row.status, hasattr(row, "firmware_version_update_time"))
        for row in synchronized.device_firmwar_version_list
    ] == [(device(0), "FirmwareVersionUpdateSuccess", True), (UNKNOWN_DEVICE, "FirmwareVersionUpdateFailure", False)]
    assert len(firmware.report_device_firmware(ACCOUNT, device(0)).body.request_id) == 36
    with pytest.raises(FotaV3ResultException):
        firmware.report_device_firmware(ACCOUNT, UNKNOWN_DEVICE)
    account_devices = client.account_devices
    assert len(account_devices.get_account_device_information(ACCOUNT).body.device_list) == 10
    page = account_devices.get_account_device_information(ACCOUNT, None, DevicesProtocolEnum.OMDADM).body
    assert [(row.device_id, row.protocol, row.status) for row in page.device_list] == [(device(1), "OMADM", "Active")]
    named = account_devices.list_account_devices_information(ACCOUNT, DeviceIMEI([device(0), UNKNOWN_DEVICE])).body
    assert (named.device_count, [row.request_status for row in named.device_list]) == (2, ["success", "failure"])
