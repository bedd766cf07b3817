"""Fleets of simulated devices by the operator API: read, replace, and what is refused."""

from __future__ import annotations

from support.helpers import ACCOUNT, Api, device

PATH = f"/accounts/{ACCOUNT}/fleet"
DEFAULTS = {
    "checkInEvery": "PT60M",
    "upgradeTakes": "PT10M",
    "failAtDownload": 0.0,
    "failAtVerify": 0.0,
    "failAtInstall": 0.0,
    "offline": [],
    "randomSeed": 0,
}


def test_fleets_are_replaced_as_a_whole_and_listed_by_imei(api: Api) -> None:
    assert api.control("GET", PATH).json() == {"fleet": []}
    later, earlier = {"first": device(5), "count": 5}, {"first": device(0), "count": 5, "failAtInstall": 1.0}
    expected = {"fleet": [{**DEFAULTS, **earlier}, {**DEFAULTS, **later}]}
    assert api.control("PUT", PATH, {"fleet": [later, earlier]}).json() == expected
    assert api.control("GET", PATH).json() == expected
    assert api.control("PUT", PATH, expected).json() == expected
    assert api.control("PUT", PATH, {"fleet": []}).json() == {"fleet": []}
    assert api.control("GET", PATH).json() == {"fleet": []}


def test_wrong_fleets_are_refused_and_change_nothing(api: Api) -> None:
    fleet = {"first": device(0), "count": 2}
    api.control("PUT", PATH, {"fleet": [fleet]})
    for wrong, said in (
        ({"fleet": [fleet, {"first": device(1), "count": 2}]}, "overlap"),
        ({"fleet": [{**fleet, "count": 0}]}, "count must be from 1"),
        ({"fleet": [{**fleet, "checkInEvery": "PT1S"}]}, "checkInEvery must be whole minutes"),
        ({"fleet": [{**fleet, "failAtInstal": 1}]}, "failAtInstal"),
        ({}, "fleet"),
    ):
        refused = api.control("PUT", PATH, wrong)
        assert refused.status_code == 400, refused.text
        assert said in refused.json()["detail"]
    assert api.control("GET", PATH).json()["fleet"] == [{**DEFAULTS, **fleet}]
    assert api.control("PUT", "/accounts/nobody/fleet", {"fleet": []}).status_code == 404
