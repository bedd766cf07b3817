"""The vendor's own Python SDK repeats a change whose answer was lost after the commit: it was made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from urllib3 import Retry
from verizon.http.auth.thingspace_oauth import ThingspaceOauthCredentials
from verizon.http.auth.vz_m2m_token import VZM2mTokenCredentials
from verizon.models.campaign_firmware_upgrade import CampaignFirmwareUpgrade
from verizon.models.v3_license_imei import V3LicenseIMEI
from verizon.verizon_client import VerizonClient

from api.campaigning import CAMPAIGN_SEED, LATER, LWM2M, TOMORROW, imeis
from api.sdk.test_sdk import VENDOR, Redirect
from support.helpers import ACCOUNT, KEY, SECRET, Api

SCHEDULE, ASSIGN = f"/fota/v3/campaigns/firmware/{ACCOUNT}", f"/fota/v3/licenses/{ACCOUNT}/assign"


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED)


def retrying(api: Api, **headers: str) -> VerizonClient:
    """The SDK, which retries a POST once, with these headers in all requests."""
    http, redirect = requests.Session(), Redirect(str(api.http.base_url).rstrip("/"))
    http.trust_env = False
    http.headers.update(headers)
    redirect.max_retries = Retry(0)  # an adapter of its own does not retry what it could not read
    http.mount(VENDOR, redirect)
    return VerizonClient(
        http_client_instance=http,
        override_http_client_configuration=True,
        max_retries=1,
        backoff_factor=0,
        retry_methods=["POST"],
        thingspace_oauth_credentials=ThingspaceOauthCredentials(KEY, SECRET),
        vz_m2m_token_credentials=VZM2mTokenCredentials(api.session),
    )


def lose_answers(api: Api, path: str) -> None:
    """The answer to the next request is lost, after its change was committed."""
    rule = {"match": {"path": path, "nth": 1}, "action": {"drop": "after"}}
    assert api.control("POST", "/faults", rule).status_code == 201


def hits(api: Api) -> int:
    return len(api.control("GET", "/faults").json()["firings"])


def schedule(client: VerizonClient) -> Any:
    wanted = CampaignFirmwareUpgrade(
        firmware_name="FW-A",
        firmware_from="1",
        firmware_to="2",
        protocol="LWM2M",
        start_date=TOMORROW,
        end_date=LATER,
        auto_assign_license_flag=False,
        auto_add_devices_flag=False,
        device_list=imeis(LWM2M, 2),
    )
    return client.campaigns_v3.schedule_campaign_firmware_upgrade(ACCOUNT, wanted).body


def campaigns(api: Api) -> list[str]:
    listed = api.call("GET", f"/v3/reports/{ACCOUNT}/campaigns?campaignStatus=CampaignRequestPending").json()
    return [campaign["id"] for campaign in listed["campaignList"]]


def test_with_a_key_a_campaign_is_scheduled_once(api: Api) -> None:
    lose_answers(api, SCHEDULE)
    made = schedule(retrying(api, **{"Idempotency-Key": "one-campaign"}))
    assert hits(api) == 1
    assert campaigns(api) == [made.id]


def test_without_a_key_it_is_scheduled_twice(api: Api) -> None:
    lose_answers(api, SCHEDULE)
    made = schedule(retrying(api))
    assert hits(api) == 1
    assert campaigns(api)[1:] == [made.id]


def test_with_a_key_the_answer_says_what_the_lost_one_said(api: Api) -> None:
    device = imeis(LWM2M, 6)[5:]
    lose_answers(api, ASSIGN)
    client = retrying(api, **{"Idempotency-Key": "one-license"})
    answer = client.software_management_licenses_v3.assign_licenses_to_devices(ACCOUNT, V3LicenseIMEI(device)).body
    assert [row.result_reason for row in answer.device_list] == ["Success"]
    assert hits(api) == 1
    assert answer.lic_used_count == api.pool()["licenseUsedCount"]
