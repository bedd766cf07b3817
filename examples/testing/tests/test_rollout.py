"""Licenses move to the devices that need them."""

from __future__ import annotations

import pytest
from rollout import LicenseRefused


@pytest.mark.fotapool(licenses=3, devices=5, licensed=3)
def test_licenses_move_to_the_devices_that_need_them(fotapool, licenses):
    wanted = fotapool.devices[2:5]
    licenses.keep_only(wanted)
    fotapool.assert_licensed(wanted)
    fotapool.assert_pool(used=3, free=0)


@pytest.mark.fotapool(licenses=2, devices=3)
def test_a_pool_that_is_too_small_is_told(fotapool, licenses):
    with pytest.raises(LicenseRefused):
        licenses.keep_only(fotapool.devices)
    fotapool.assert_consistent()


@pytest.mark.fotapool(licenses=2, devices=2, licensed=2)
def test_what_was_kept_is_not_touched(fotapool, licenses):
    before = fotapool.ledger
    licenses.keep_only(fotapool.devices)
    assert fotapool.ledger == before


@pytest.mark.fotapool(licenses=5, devices=5)
def test_the_vendors_sdk_sees_the_same(fotapool, licenses):
    models = pytest.importorskip("verizon.models.v3_license_imei")
    answer = fotapool.sdk.software_management_licenses_v3.assign_licenses_to_devices(
        fotapool.name, models.V3LicenseIMEI(fotapool.devices[:2])
    )
    assert answer.is_success()
    assert licenses.held() == set(fotapool.devices[:2])
