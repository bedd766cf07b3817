"""The vendor's own Python SDK, unmodified, against a server: every license, subscription and session call of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from verizon.exceptions.connectivity_management_result_exception import ConnectivityManagementResultException
from verizon.exceptions.fota_v1_result_exception import FotaV1ResultException
from verizon.exceptions.fota_v2_result_exception import FotaV2ResultException
from verizon.exceptions.fota_v3_result_exception import FotaV3ResultException
from verizon.exceptions.oauth_provider_exception import OauthProviderException
from verizon.http.auth.thingspace_oauth import ThingspaceOauthCredentials
from verizon.http.auth.vz_m2m_token import VZM2mTokenCredentials
from verizon.models.log_in_request import LogInRequest
from verizon.models.session_reset_password_request import SessionResetPasswordRequest
from verizon.models.v1_licenses_assigned_removed_request import V1LicensesAssignedRemovedRequest
from verizon.models.v1_list_of_licenses_to_remove_request import V1ListOfLicensesToRemoveRequest
from verizon.models.v2_license_imei import V2LicenseIMEI
from verizon.models.v2_list_of_licenses_to_remove_request import V2ListOfLicensesToRemoveRequest
from verizon.models.v3_license_imei import V3LicenseIMEI
from verizon.verizon_client import VerizonClient

from api.conftest import UNKNOWN_DEVICE
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, SEED, USER, Api, devices, seed_file

VENDOR = "https://thingspace.verizon.com"


class Redirect(HTTPAdapter):
    """Sends what is meant for the vendor to a server here."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(VENDOR, self._address, 1)
        return super().send(request, *args, **kwargs)


def sdk(address: str, session_token: str = "", secret: str = SECRET, authority: str | None = None) -> VerizonClient:
    http = requests.Session()
    http.trust_env = False  # the surroundings' proxies and certificates are not meant for it
    http.mount(VENDOR, Redirect(address))
    if authority is not None:
        http.verify = authority
        http.headers["Connection"] = "close"  # idle TLS connections hold up the end of the server
    return VerizonClient(
        http_client_instance=http,
        thingspace_oauth_credentials=ThingspaceOauthCredentials(KEY, secret),
        vz_m2m_token_credentials=VZM2mTokenCredentials(session_token) if session_token else None,
    )


def logged_in(address: str, authority: str | None = None) -> VerizonClient:
    login = sdk(address, authority=authority).session_management.start_connectivity_management_session
    return sdk(address, login(LogInRequest(USER, PASSWORD)).body.session_token, authority=authority)


@pytest.fixture
def address(api: Api) -> str:
    return str(api.http.base_url).rstrip("/")


@pytest.fixture
def client(address: str) -> VerizonClient:
    return logged_in(address)


def rows(answer: Any, reason: str) -> list[tuple[str, str, str]]:
    return [(row.device_id, row.status, getattr(row, reason)) for row in answer.device_list]


def test_version_1(client: VerizonClient) -> None:
    licenses, subscriptions = client.software_management_licenses_v1, client.software_management_subscriptions_v1
    request = V1LicensesAssignedRemovedRequest([*devices(0, 1), UNKNOWN_DEVICE])
    assigned = licenses.assign_licenses_to_devices(ACCOUNT, request).body
    assert (assigned.account_name, assigned.lic_count, assigned.lic_used_count) == (ACCOUNT, 5, 2)
    assert [row[1:] for row in rows(assigned, "reason")] == [
        ("LicenseAssignSuccess", "Success"),
        ("LicenseAssignSuccess", "Success"),
        ("LicenseAssignFailed", "Device Not Found."),
    ]
    status = subscriptions.get_account_license_status(ACCOUNT, "0").body
    assert (status.account_name, status.total_licenses, status.assigned_licenses) == (ACCOUNT, 5, 2)
    assert status.has_more_data is False
    assert not hasattr(status, "last_seen_device_id")  # the SDK drops a zero
    assert [row.device_id for row in status.device_list] == devices(0, 1)
    assert status.device_list[0].assignment_time.datetime == datetime(2026, 3, 10, 12, tzinfo=UTC)
    subscription = subscriptions.get_account_subscription_status(ACCOUNT).body
    assert (subscription.account_name, subscription.purchase_type) == (ACCOUNT, "TS-HFOTA-MRC")
    assert (subscription.license_count, subscription.license_used_count) == (5, 2)
    assert subscription.update_time == "2026-03-10 12:00:00 +0000 UTC"
    removed = licenses.remove_licenses_from_devices(ACCOUNT, V1LicensesAssignedRemovedRequest(devices(1, 2))).body
    assert removed.lic_used_count == 1
    assert [row[1:] for row in rows(removed, "reason")] == [
        ("LicenseRemoveSuccess", "Success"),
        ("LicenseRemoveFailed", "No license attached to device"),
    ]
    made = licenses.create_list_of_licenses_to_remove(ACCOUNT, V1ListOfLicensesToRemoveRequest(devices(3))).body
    assert (made.count, made.device_list) == (1, devices(3))
    more = V1ListOfLicensesToRemoveRequest(devices(2, 3), "append")
    assert licenses.create_list_of_licenses_to_remove(ACCOUNT, more).body.device_list == devices(3, 2)
    listed = licenses.list_licenses_to_remove(ACCOUNT, "1").body
    assert (listed.count, listed.has_more_data, listed.device_list) == (2, False, devices(2))
    assert listed.update_time.datetime == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert licenses.delete_list_of_licenses_to_remove(ACCOUNT).body.success is True


def test_version_2(client: VerizonClient) -> None:
    licenses = client.software_management_licenses_v2
    request = V2LicenseIMEI([*devices(0, 1), UNKNOWN_DEVICE], ACCOUNT)
    assigned = licenses.assign_licenses_to_devices(ACCOUNT, request).body
    assert (assigned.account_name, assigned.lic_total_count, assigned.lic_used_count) == (ACCOUNT, 5, 2)
    assert [row[1:] for row in rows(assigned, "result_reason")] == [
        ("Success", "Success"),
        ("Success", "Success"),
        ("Failure", "Device Not Found."),
    ]
    status = licenses.get_account_license_status(ACCOUNT).body
    assert (status.account_name, status.total_license, status.assigned_licenses) == (ACCOUNT, 5, 2)
    assert (status.has_more_data, status.last_seen_device_id, status.max_page_size) == (False, "0", 1000)
    assert [row.device_id for row in status.device_list] == devices(0, 1)
    assert status.device_list[0].assignment_time == "2026-03-10 12:00:00 +0000 UTC"
    after = licenses.get_account_license_status(ACCOUNT, devices(0)[0]).body
    assert [row.device_id for row in after.device_list] == devices(1)
    subscription = client.software_management_subscriptions_v2.get_account_subscription_status(ACCOUNT).body
    assert (subscription.account_name, subscription.purchase_type) == (ACCOUNT, "TS-HFOTA-MRC")
    assert (subscription.license_count, subscription.license_used_count) == (5, 2)
    removed = licenses.remove_licenses_from_devices(ACCOUNT, V2LicenseIMEI(devices(1, 2))).body
    assert removed.lic_used_count == 1
    assert [row[1:] for row in rows(removed, "result_reason")] == [
        ("Success", "Success"),
        ("Failure", "No license attached to device"),
    ]
    made = licenses.create_list_of_licenses_to_remove(ACCOUNT, V2ListOfLicensesToRemoveRequest(devices(3))).body
    assert (made.count, made.device_list) == (1, devices(3))
    more = V2ListOfLicensesToRemoveRequest(devices(2, 3), "append", 2)
    assert licenses.create_list_of_licenses_to_remove(ACCOUNT, more).body.device_list == devices(3, 2)
    listed = licenses.list_licenses_to_remove(ACCOUNT, "1").body
    assert (listed.count, listed.has_more_data, listed.device_list) == (2, False, devices(2))
    assert listed.update_time == "2026-03-10 12:00:00 +0000 UTC"
    assert licenses.delete_list_of_licenses_to_remove(ACCOUNT).body.success is True


def test_version_3(client: VerizonClient) -> None:
    licenses = client.software_management_licenses_v3
    assigned = licenses.assign_licenses_to_devices(ACCOUNT, V3LicenseIMEI([*devices(0, 1), UNKNOWN_DEVICE])).body
    assert (assigned.account_name, assigned.lic_count, assigned.lic_used_count) == (ACCOUNT, 5, 2)
    assert [row[1:] for row in rows(assigned, "result_reason")] == [
        ("LicenseAssignSuccess", "Success"),
        ("LicenseAssignSuccess", "Success"),
        ("LicenseAssignFailure", "Device Not Found."),
    ]
    status = licenses.get_account_licenses_status(ACCOUNT).body
    assert (status.account_name, status.total_licenses, status.assigned_licenses) == (ACCOUNT, 5, 2)
    assert (status.has_more_data, status.last_seen_device_id, status.max_page_size) == (False, "0", 1000)
    assert [row.device_id for row in status.device_list] == devices(0, 1)
    after = licenses.get_account_licenses_status(ACCOUNT, devices(0)[0]).body
    assert [row.device_id for row in after.device_list] == devices(1)
    subscription = client.software_management_subscriptions_v3.get_account_subscription_status(ACCOUNT).body
    assert (subscription.account_name, subscription.purchase_type) == (ACCOUNT, "TS-HFOTA-MRC")
    assert (subscription.license_count, subscription.license_used_count) == (5, 2)
    removed = licenses.remove_licenses_from_devices(ACCOUNT, V3LicenseIMEI(devices(1, 2))).body
    assert removed.lic_used_count == 1
    assert [row[1:] for row in rows(removed, "result_reason")] == [
        ("LicenseRemoveSuccess", "Success"),
        ("LicenseRemoveFailure", "No license attached to device"),
    ]


def test_refusals_are_the_sdk_s_typed_exceptions(client: VerizonClient, address: str) -> None:
    bad = ["x"]
    calls: list[tuple[type[Exception], Callable[[VerizonClient], Any]]] = [
        (
            FotaV1ResultException,
            lambda sdk: sdk.software_management_licenses_v1.assign_licenses_to_devices(
                ACCOUNT, V1LicensesAssignedRemovedRequest(bad)
            ),
        ),
        (
            FotaV2ResultException,
            lambda sdk: sdk.software_management_licenses_v2.remove_licenses_from_devices(ACCOUNT, V2LicenseIMEI(bad)),
        ),
        (
            FotaV3ResultException,
            lambda sdk: sdk.software_management_licenses_v3.assign_licenses_to_devices(ACCOUNT, V3LicenseIMEI(bad)),
        ),
    ]
    stranger = sdk(address, "bcce3ea6-fe4f-4952-bacf-eadd80718e83")
    for kind, call in calls:
        with pytest.raises(kind) as rejected:
            call(client)
        assert rejected.value.error_code == "INVALID_PARAMETER"
        assert rejected.value.error_message == "Invalid device id format"
        assert rejected.value.response_code == 400
        with pytest.raises(kind) as rejected:
            call(stranger)
        assert rejected.value.error_message == "UWS verification failure (Session token is not valid.)"


def test_the_sdk_pages_through_license_status_by_the_cursor_of_each_answer(start: Callable[..., Api]) -> None:
    api = start(page_size=2)
    api.assign(0, 1, 2, 3, 4)
    client = logged_in(str(api.http.base_url).rstrip("/"))
    status = {
        1: client.software_management_subscriptions_v1.get_account_license_status,
        2: client.software_management_licenses_v2.get_account_license_status,
        3: client.software_management_licenses_v3.get_account_licenses_status,
    }
    for read in status.values():
        found, cursor, more = [], "0", True
        while more:
            page = read(ACCOUNT, cursor).body
            found += [row.device_id for row in page.device_list]
            cursor, more = str(getattr(page, "last_seen_device_id", 0)), page.has_more_data
        assert (found, cursor) == (devices(0, 1, 2, 3, 4), "0")


def test_sessions(client: VerizonClient, address: str) -> None:
    sessions = client.session_management
    new = sessions.reset_connectivity_management_password(SessionResetPasswordRequest(PASSWORD)).body.new_password
    with pytest.raises(ConnectivityManagementResultException) as rejected:
        sdk(address).session_management.start_connectivity_management_session(LogInRequest(USER, PASSWORD))
    assert rejected.value.error_code == "UnifiedWebService.INPUT_INVALID.Password.Invalid"
    again = sdk(address).session_management.start_connectivity_management_session(LogInRequest(USER, new)).body
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", again.session_token)
    assert sessions.end_connectivity_management_session().body.session_token != again.session_token
    with pytest.raises(ConnectivityManagementResultException) as rejected:
        sessions.end_connectivity_management_session()
    assert rejected.value.error_code == "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid"


def test_oauth(address: str) -> None:
    token = sdk(address).thingspace_oauth.fetch_token()
    assert (token.token_type, token.expires_in) == ("Bearer", 3600)
    assert token.access_token
    with pytest.raises(OauthProviderException) as rejected:
        sdk(address, secret="wrong").thingspace_oauth.fetch_token()
    assert rejected.value.error == "invalid_client"
    assert rejected.value.response_code == 401


def test_the_sdk_over_tls_trusts_the_server_s_own_authority(server_process: Any, tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    arguments = ("emulate", "--tls", "--tls-directory", str(directory), "--seed", seed_file(tmp_path, SEED))
    with server_process(*arguments) as (address, _):
        assert address.startswith("https://")
        authority = str(directory / "ca.pem")
        client = logged_in(address, authority)
        answer = client.software_management_licenses_v3.assign_licenses_to_devices(ACCOUNT, V3LicenseIMEI(devices(0)))
        assert answer.body.lic_used_count == 1
        assert json.loads(answer.text)["licCount"] == 5
        assert requests.get(f"{address}/health/ready", verify=authority, timeout=120).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{address}/health/ready", timeout=120)
        assert oct((directory / "server.key").stat().st_mode)[-3:] == "600"
