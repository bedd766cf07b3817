"""Callback services of the Connectivity Management API: kept and shown, and never called unless they are Fota."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.conftest import Own
from fotapool.services.callbacks.listeners import MAX_SERVICES

URL = "https://receiver.example/m2m"
SIGNED = {"username": "u", "password": "p"}


def call(own: Own, method: str, path: str = "", body: Any = None) -> httpx.Response:
    url = f"/api/m2m/v1/callbacks/{own.account}{path}"
    return own.api.http.request(method, url, headers=own.api.tokens, json=body)


def registered(own: Own) -> list[dict[str, str]]:
    response = call(own, "GET")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    found: list[dict[str, str]] = response.json()
    return found


def service(own: Own, name: str, url: str = URL, username: str = "", password: str = "") -> dict[str, str]:
    return {
        "accountName": own.account,
        "serviceName": name,
        "url": url,
        "username": username,
        "password": password,
    }


def test_registrations_are_kept_listed_replaced_and_deleted(own: Own) -> None:
    assert registered(own) == []
    for name in ("DeviceService", "CarrierService"):
        response = call(own, "POST", body={"name": name, "url": URL, **SIGNED})
        assert (response.status_code, response.json()) == (200, {"accountName": own.account, "serviceName": name})
    assert registered(own) == [service(own, name, **SIGNED) for name in ("CarrierService", "DeviceService")]
    call(own, "POST", body={"name": "DeviceService", "url": URL + "/2"})
    assert registered(own)[1] == service(own, "DeviceService", URL + "/2")
    response = call(own, "DELETE", "/name/CarrierService")
    assert (response.status_code, response.json()) == (
        200,
        {"accountName": own.account, "serviceName": "CarrierService"},
    )
    assert [one["serviceName"] for one in registered(own)] == ["DeviceService"]
    assert call(own, "DELETE", "/name/CarrierService").status_code == 200, "as in version 1"


def test_fota_is_the_listener_of_version_1(own: Own) -> None:
    response = call(own, "POST", body={"name": "fota", "url": URL, **SIGNED})
    assert response.json() == {"accountName": own.account, "serviceName": "Fota"}
    (listener,) = own.call(1, "GET", "/callbacks/{account}").json()
    assert listener == {"aname": own.account, "name": "Fota", "url": URL, **SIGNED}
    own.call(3, "POST", "/callbacks/{account}", {"url": URL})
    assert registered(own) == [service(own, "Fota", **SIGNED)]
    assert call(own, "DELETE", "/name/FOTA").json()["serviceName"] == "Fota"
    assert own.call(1, "GET", "/callbacks/{account}").json() == registered(own) == []


def test_nothing_is_sent_for_a_service_that_is_not_about_fota(own: Own) -> None:
    call(own, "POST", body={"name": "DeviceService", "url": URL})
    package = {
        "firmwareName": f"F-{own.account}",
        "make": own.account,
        "model": "M",
        "fromVersion": "1",
        "toVersion": "2",
        "protocol": "LWM2M",
    }
    device = {"deviceId": own.device(0), "make": own.account, "model": "M", "firmware": "1", "protocol": "LWM2M"}
    assert own.api.control("POST", f"/accounts/{own.account}/devices", [device]).status_code == 200
    assert own.api.control("POST", "/firmware", package).status_code == 201
    deliveries = f"/deliveries?account={own.account}"
    assert own.api.control("GET", deliveries).json()["deliveries"] == []
    call(own, "POST", body={"name": "Fota", "url": URL})
    assert own.api.control("POST", "/firmware", package | {"firmwareName": f"G-{own.account}"}).status_code == 201
    found = own.api.control("GET", deliveries).json()["deliveries"]
    assert [(one["listener"], one["event"]) for one in found] == [("v1", "firmware available")]


def test_operators_see_and_remove_registrations(own: Own) -> None:
    call(own, "POST", body={"name": "DeviceService", "url": URL, **SIGNED})
    path = f"/accounts/{own.account}/listeners"
    (listener,) = own.api.control("GET", path).json()["listeners"]
    assert (listener["listener"], listener["url"], listener["username"]) == ("m2m:DeviceService", URL, "u")
    assert own.api.control("DELETE", f"{path}/m2m:DeviceService").status_code == 204
    assert registered(own) == []


NAME, ADDRESS = "INPUT_INVALID.Callback.ServiceName.Invalid", "INPUT_INVALID.Callback.Url.Invalid"
WRONG: list[tuple[Any, str]] = [
    ({}, ADDRESS),
    ({"name": "DeviceService"}, ADDRESS),
    ({"name": "DeviceService", "url": "ftp://receiver.example"}, ADDRESS),
    ({"url": URL}, NAME),
    ({"name": "", "url": URL}, NAME),
    ({"name": "m2m:x", "url": URL}, NAME),
    ({"name": "a b", "url": URL}, NAME),
    ({"name": "a\x00", "url": URL}, NAME),
    ({"name": "a" * 65, "url": URL}, NAME),
    ({"name": None, "url": URL}, "DeserializationFailed"),
    ({"name": "DeviceService", "url": URL, "password": "x" * 201}, "DeserializationFailed"),
    ([], "DeserializationFailed"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
def test_a_registration_that_is_refused(own: Own, body: Any, code: str) -> None:
    response = call(own, "POST", body=body)
    assert (response.status_code, response.json()["errorCode"]) == (400, f"UnifiedWebService.{code}")
    assert registered(own) == []


def test_a_service_that_can_have_no_registration(own: Own) -> None:
    for name in ("a-b", "1", "v1:", "x" * 65):
        response = call(own, "DELETE", f"/name/{name}")
        assert (response.status_code, response.json()["errorCode"]) == (400, f"UnifiedWebService.{NAME}")


def test_an_account_has_a_limited_number_of_services(own: Own) -> None:
    for number in range(MAX_SERVICES):
        assert call(own, "POST", body={"name": f"S{number}", "url": URL}).status_code == 200
    refused = call(own, "POST", body={"name": "OneMore", "url": URL})
    assert refused.json()["errorCode"] == f"UnifiedWebService.{NAME}"
    assert call(own, "POST", body={"name": "S0", "url": URL}).status_code == 200
    assert call(own, "POST", body={"name": "Fota", "url": URL}).status_code == 200
    assert len(registered(own)) == MAX_SERVICES + 1
