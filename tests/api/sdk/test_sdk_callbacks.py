"""The vendor's own Python SDK, unmodified, calls the operations on callback listeners."""

from __future__ import annotations

import pytest
from verizon.exceptions.fota_v1_result_exception import FotaV1ResultException
from verizon.exceptions.fota_v2_result_exception import FotaV2ResultException
from verizon.exceptions.fota_v3_result_exception import FotaV3ResultException
from verizon.models.callback_service_enum import CallbackServiceEnum
from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest
from verizon.models.fota_v2_callback_registration_request import FotaV2CallbackRegistrationRequest
from verizon.models.fota_v3_callback_registration_request import FotaV3CallbackRegistrationRequest
from verizon.verizon_client import VerizonClient

from api.sdk.test_sdk import sdk
from fotapool.domain.callbacks import SERVICE
from support.helpers import ACCOUNT, OTHER, Api

URL, OTHER_URL, NO_URL = "https://receiver.example/fota", "https://receiver.example/other", "nowhere"


@pytest.fixture
def client(api: Api) -> VerizonClient:
    return sdk(str(api.http.base_url).rstrip("/"), api.session)


def test_version_1(client: VerizonClient) -> None:
    request = FotaV1CallbackRegistrationRequest(SERVICE, URL, "me", "secret")
    made = client.software_management_callbacks_v1.register_callback(ACCOUNT, request).body
    assert (made.account_name, made.service_name) == (ACCOUNT, SERVICE)
    (one,) = client.software_management_callbacks_v1.list_registered_callbacks(ACCOUNT).body
    assert (one.aname, one.name, one.url, one.username, one.password) == (ACCOUNT, SERVICE, URL, "me", "secret")
    removed = client.software_management_callbacks_v1.deregister_callback(ACCOUNT, CallbackServiceEnum.FOTA).body
    assert removed.success is True
    assert client.software_management_callbacks_v1.list_registered_callbacks(ACCOUNT).body == []
    with pytest.raises(FotaV1ResultException) as rejected:
        client.software_management_callbacks_v1.deregister_callback(ACCOUNT, "Other")
    assert rejected.value.error_message == "Invalid service name"


def test_version_2(client: VerizonClient) -> None:
    request = FotaV2CallbackRegistrationRequest(URL)
    assert client.software_management_callbacks_v2.register_callback(ACCOUNT, request).body.url == URL
    assert client.software_management_callbacks_v2.list_registered_callbacks(ACCOUNT).body.url == URL
    request = FotaV2CallbackRegistrationRequest(OTHER_URL)
    assert client.software_management_callbacks_v2.update_callback(ACCOUNT, request).body.url == OTHER_URL
    assert client.software_management_callbacks_v2.list_registered_callbacks(ACCOUNT).body.url == OTHER_URL
    assert client.software_management_callbacks_v2.deregister_callback(ACCOUNT).body.success is True
    assert not hasattr(client.software_management_callbacks_v2.list_registered_callbacks(ACCOUNT).body, "url")
    with pytest.raises(FotaV2ResultException) as rejected:
        client.software_management_callbacks_v2.update_callback(ACCOUNT, FotaV2CallbackRegistrationRequest(NO_URL))
    assert rejected.value.error_message == "Invalid callback url"


def test_version_3(client: VerizonClient) -> None:
    request = FotaV3CallbackRegistrationRequest(URL)
    assert client.software_management_callbacks_v3.register_callback(ACCOUNT, request).body.url == URL
    assert client.software_management_callbacks_v3.list_registered_callbacks(ACCOUNT).body.url == URL
    request = FotaV3CallbackRegistrationRequest(OTHER_URL)
    assert client.software_management_callbacks_v3.update_callback(ACCOUNT, request).body.url == OTHER_URL
    assert client.software_management_callbacks_v3.list_registered_callbacks(ACCOUNT).body.url == OTHER_URL
    assert client.software_management_callbacks_v3.deregister_callback(ACCOUNT).body.success is True
    assert not hasattr(client.software_management_callbacks_v3.list_registered_callbacks(ACCOUNT).body, "url")
    with pytest.raises(FotaV3ResultException) as rejected:
        client.software_management_callbacks_v3.register_callback(ACCOUNT, FotaV3CallbackRegistrationRequest(NO_URL))
    assert rejected.value.error_message == "Invalid callback url"
    with pytest.raises(FotaV3ResultException) as rejected:
        client.software_management_callbacks_v3.list_registered_callbacks(OTHER)
    assert OTHER in rejected.value.error_message
