"""Events on the test clock: expiring sessions, campaigns, callbacks."""

from __future__ import annotations

from datetime import timedelta

import pytest

PACKAGE = {"firmwareName": "Example_1To2", "make": "Verizon", "model": "Model-E", "fromVersion": "1", "toVersion": "2"}


def test_an_idle_session_ends_after_twenty_minutes(fotapool):
    fotapool.stay_signed_in = False
    assert fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}").status_code == 200
    fotapool.advance(timedelta(minutes=21))
    assert fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}").status_code == 400


@pytest.mark.fotapool(licenses=2, devices=2, licensed=2, model="Model-E", packages=[PACKAGE])
def test_a_campaign_is_told_by_callbacks(fotapool_own_server, fotapool):
    inbox = fotapool.callbacks
    day = (fotapool.now + timedelta(days=1)).date()
    campaign = {
        "campaignName": "Example",
        "firmwareName": PACKAGE["firmwareName"],
        "firmwareFrom": "1",
        "firmwareTo": "2",
        "protocol": "LWM2M",
        "make": "Verizon",
        "model": "Model-E",
        "startDate": f"{day}",
        "endDate": f"{day + timedelta(days=1)}",
        "deviceList": fotapool.devices,
    }
    fotapool.call("POST", f"/v3/campaigns/firmware/{fotapool.name}", campaign)
    events = fotapool.advance("P1D")
    assert events
    scheduled = inbox.wait_for(1, type="upgradeScheduled")[0]
    assert scheduled.content["campaignName"] == "Example"
