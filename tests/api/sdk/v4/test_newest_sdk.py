"""The vendor's newest Python SDK, unmodified: it parses every answer, and its retries make one change.

Its package has the same name as that of the other generation (`verizon`), so it has an environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.campaigning import CAMPAIGN_SEED, HTTP, LWM2M, answered, schedule
from api.idempotency.changes import CHANGES, FILE, UNUSED, file_campaign
from fotapool.api.common.operations import Operation
from fotapool.api.m2m import routes as m2m
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, USER, Api

PYTHON = os.environ.get("FOTAPOOL_TEST_SDK_V4")
"""The Python of a virtual environment with vz-apimatic-v-4-sdk."""
CALLS = Path(__file__).parent / "calls.py"
OPERATIONS = [one for routes in (v1, v2, v3, m2m) for one in routes.OPERATIONS]
AT_ONCE = {"max_retries": 2, "initial_delay": 0.01, "max_jitter": 0, "http_methods_to_retry": ["GET", "PUT", "POST"]}
Call = tuple[str, dict[str, Any] | None, Any]

pytestmark = [
    pytest.mark.skipif(PYTHON is None, reason="set FOTAPOOL_TEST_SDK_V4 to a Python with vz-apimatic-v-4-sdk"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(CAMPAIGN_SEED)


def make(api: Api, *calls: Call, retries: Any = 0) -> list[dict[str, Any]]:
    """The answers and errors of the calls, which the SDK makes in order."""
    given = {
        "address": str(api.http.base_url).rstrip("/"),
        "client": {"client_id": KEY, "client_secret": SECRET},
        "user": {"username": USER, "password": PASSWORD},
        "retries": retries,
        "calls": calls,
    }
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(PYTHON), str(CALLS)], input=json.dumps(given), capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def call_of(api: Api, operation: Operation) -> Call:
    """A call of the operation, after what it needs was made."""
    version = int(operation.id[1]) if operation.id[0] == "V" else 3
    campaign = schedule(api, version)
    values: dict[str, Any] = dict.fromkeys(("acc", "account", "account_name", "a_name", "aname"), ACCOUNT)
    values |= {"campaign_id": campaign, "upgrade_id": campaign, "device_id": f"{HTTP if version == 2 else LWM2M}"}
    values |= {"start_index": "0", "last_seen_device_id": "0", "distribution_type": "HTTP", "service_name": "Fota"}
    values |= {"service": "Fota", "sname": "Fota", "device_ids": f"{HTTP}", "campaign_status": "CampaignRequestPending"}
    values |= {"upgrade_status": "RequestPending", "protocol": "LWM2M"}
    body: Any = CHANGES[operation.id].json if operation.id in CHANGES else None
    if operation.id == "V2-10":
        body = file_campaign(api).options["json"]
    elif operation.id == "V3-6":
        body = {"Type": body["type"], "deviceList": body["deviceList"]}
    elif operation.id == "V3-21":
        body = {"deviceList": UNUSED}
    elif operation.id == "M2M-1":
        body = {"accountName": ACCOUNT}
    elif operation.id == "V2-25":
        upload = {"file_version": FILE["fileVersion"], "local_target_path": FILE["localTargetPath"]}
        values |= {**upload, "make": FILE["make"], "model": FILE["model"], "fileupload": str(CALLS)}
    return operation.sdk, values, body


def test_it_parses_every_answer(api: Api) -> None:
    """Version 0.0.1 of the SDK has methods without the body of their operation; their answers are parsed alone."""
    calls = [call_of(api, operation) for operation in OPERATIONS]
    made = dict(zip([one.id for one in OPERATIONS], make(api, *calls), strict=True))
    assert {one: done for one, done in made.items() if "error" in done} == {}
    without_body = [one for one in OPERATIONS if "no_body" in made[one.id]]
    assert {one.id for one in without_body} <= set(CHANGES)
    answers = [answered(CHANGES[one.id].prepare(api).send(api, None)) for one in without_body]
    parsed = make(api, *((one.sdk, None, answer) for one, answer in zip(without_body, answers, strict=True)))
    assert [done.get("error") for done in parsed] == [None] * len(without_body)
    api.assert_consistent()


def scheduled(api: Api) -> list[str]:
    listed = api.call("GET", f"/v3/reports/{ACCOUNT}/campaigns?campaignStatus=CampaignRequestPending").json()
    return [campaign["id"] for campaign in listed["campaignList"]]


def test_its_retry_after_a_lost_answer_makes_one_change(api: Api) -> None:
    operation = next(one for one in OPERATIONS if one.id == "V3-5")
    call, before = call_of(api, operation), scheduled(api)
    rule = {"match": {"path": f"/fota/v3/campaigns/firmware/{ACCOUNT}", "nth": 1}, "action": {"drop": "after"}}
    assert api.control("POST", "/faults", rule).status_code == 201
    (made,) = make(api, call, retries=AT_ONCE)
    assert [made["answer"]["id"]] == [one for one in scheduled(api) if one not in before]
    assert len(api.control("GET", "/faults").json()["firings"]) == 1
    requests = api.control("GET", "/requests?limit=1000").json()["requests"]
    lost, again = [one for one in requests if one["path"].endswith(f"/campaigns/firmware/{ACCOUNT}")][-2:]
    keys = [dict(one["headers"]).get("idempotency-key") for one in (lost, again)]
    assert keys[0] == keys[1] is not None
