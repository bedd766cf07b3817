"""Tokens that a fault ends before their time, on both databases."""

from __future__ import annotations

import pytest

from support.helpers import ACCOUNT, Api, devices

LICENSES = f"/v3/licenses/{ACCOUNT}"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("token", "status", "why"), [("bearer", 401, "(expired)"), ("session", 400, "session idle for too long")]
)
def test_a_token_expires_early_for_good_and_a_new_one_is_taken(
    api: Api, token: str, status: int, why: str, method: str
) -> None:
    api.assign(0)
    api.advance("PT2M")
    assert api.call("GET", LICENSES).status_code == 200
    fault = {"match": {"path": "/fota", "nth": 1}, "action": {"expireToken": token}}
    assert api.control("POST", "/faults", fault).status_code == 201
    body = {"deviceList": devices(1)} if method == "POST" else None
    refused = api.call(method, f"{LICENSES}/assign" if body else LICENSES, body)
    assert refused.status_code == status
    assert why in refused.headers["x-fotapool-auth"]
    api.advance("PT2S")
    assert api.call("GET", LICENSES).status_code == status
    api.sign_in()
    assert api.assign(1)["licUsedCount"] == 2
