"""The rollout service as it is, with the vendor's address: results, failures, retries; sync and async."""

from __future__ import annotations

from datetime import timedelta

import pytest
from service import AsyncRollout, Credentials, Package, Rollout, RolloutFailed

PACKAGE = Package("Service_1To2", "Verizon", "Model-T", "1", "2")
STORED = {"firmwareName": PACKAGE.name, "make": "Verizon", "model": "Model-T", "fromVersion": "1", "toVersion": "2"}
SIMULATED = {"licenses": 3, "devices": 3, "model": "Model-T", "fleet": {"checkInEvery": "PT10M"}, "packages": [STORED]}


@pytest.fixture
def credentials(fotapool):
    given = fotapool.sign_in
    with fotapool.intercept():
        yield Credentials(fotapool.name, given.key, given.secret, given.username, given.password)


@pytest.fixture
def days(fotapool):
    tomorrow = (fotapool.now + timedelta(days=1)).date()
    return tomorrow, tomorrow + timedelta(days=2)


@pytest.mark.fotapool(**SIMULATED)
def test_one_device_fails_and_the_others_complete(fotapool_own_server, fotapool, credentials, days):
    fails = fotapool.devices[1]
    fotapool.device_fails(fails, at="install")
    with Rollout(credentials) as rollout:
        campaign = rollout.start(PACKAGE, fotapool.devices, *days)
        fotapool.advance("P4D")
        results = rollout.results(campaign)
    assert results.pop(fails) == "UpgradeFailed"
    assert set(results.values()) == {"UpgradeSuccess"}
    fotapool.assert_consistent()


@pytest.mark.fotapool(**SIMULATED)
@pytest.mark.anyio
async def test_the_same_with_asyncio(fotapool_own_server, fotapool, credentials, days):
    inbox = fotapool.callbacks
    inbox.answers([503, 200])
    async with AsyncRollout(credentials) as rollout:
        campaign = await rollout.start(PACKAGE, fotapool.devices, *days)
        await fotapool.aadvance("P4D")
        assert set((await rollout.results(campaign)).values()) == {"UpgradeSuccess"}
    scheduled = await inbox.await_for(2, type="upgradeScheduled")
    assert scheduled[0].body == scheduled[1].body  # delivered again after the 503


@pytest.mark.fotapool(licenses=2, devices=2)
def test_an_assignment_is_sent_again_while_the_service_is_down(fotapool, credentials, days):
    fotapool.fault("/fota/v3/licenses/*/assign", status=503, times=2)
    with Rollout(credentials) as rollout, pytest.raises(RolloutFailed, match="firmwareName"):
        rollout.start(Package("Unknown", "Verizon", "Model-A", "1", "2"), fotapool.devices, *days)
    fotapool.requests.to("/v3/licenses/*/assign", "POST").assert_call_count(3)
    fotapool.requests.to("/v3/campaigns/*").assert_called_once()
    fotapool.assert_licensed(fotapool.devices)


@pytest.mark.fotapool(licenses=1, devices=2)
@pytest.mark.anyio
async def test_a_pool_that_is_too_small_schedules_nothing(fotapool, credentials, days):
    async with AsyncRollout(credentials) as rollout:
        with pytest.raises(RolloutFailed, match=fotapool.devices[1]):
            await rollout.start(PACKAGE, fotapool.devices, *days)
    fotapool.requests.to("/v3/campaigns/*").assert_not_called()
