"""The Connectivity Management operations through the vendor's Python SDK."""

from __future__ import annotations

import pytest
from verizon.exceptions.connectivity_management_result_exception import ConnectivityManagementResultException
from verizon.models.account_device_list_request import AccountDeviceListRequest
from verizon.models.device_id import DeviceId
from verizon.models.register_callback_request import RegisterCallbackRequest

from api.sdk.test_sdk import sdk
from support.helpers import ACCOUNT, Api, device

URL = "https://receiver.example/m2m"


def test_devices_account_and_callbacks(api: Api) -> None:
    client = sdk(str(api.http.base_url).rstrip("/"), api.session)
    request = AccountDeviceListRequest(ACCOUNT, max_number_of_devices=500, largest_device_id_seen=0)
    listed = client.device_management.list_devices_information(request).body
    assert listed.has_more_data in (False, None)
    first = listed.devices[0]
    assert (first.account_name, first.device_ids[0].id, first.device_ids[0].kind) == (ACCOUNT, device(0), "imei")
    assert first.carrier_informations[0].state == "active"
    assert (first.extended_attributes[0].key, first.extended_attributes[0].value) == ("DeviceId", str(int(device(0))))
    one = AccountDeviceListRequest(device_id=DeviceId(device(1), "imei"))
    assert [row.device_ids[0].id for row in client.device_management.list_devices_information(one).body.devices] == [
        device(1)
    ]
    with pytest.raises(ConnectivityManagementResultException) as caught:
        client.device_management.list_devices_information(AccountDeviceListRequest(ACCOUNT, current_state="active"))
    assert caught.value.error_code == "UnifiedWebService.REQUEST_FAILED.NotEmulated"
    assert caught.value.error_message == "The filter currentState is not emulated here."
    assert client.accounts.get_account_information(ACCOUNT).body.account_name == ACCOUNT
    callbacks = client.connectivity_callbacks
    made = callbacks.register_callback(ACCOUNT, RegisterCallbackRequest("DeviceService", URL, "u", "p")).body
    assert (made.account_name, made.service_name) == (ACCOUNT, "DeviceService")
    (found,) = callbacks.list_registered_callbacks(ACCOUNT).body
    assert (found.service_name, found.url, found.username, found.password) == ("DeviceService", URL, "u", "p")
    assert callbacks.deregister_callback(ACCOUNT, "DeviceService").body.service_name == "DeviceService"
