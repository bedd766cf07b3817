"""What a recording shows of the beginning: accounts, what their devices held, packages, clients, users."""

from __future__ import annotations

import base64
from typing import Any

from fotapool.recording.pairs import Body, Pair, RecordedRequest, RecordedResponse
from fotapool.recording.seed_from_recording import SeedBuilder
from fotapool.services.snapshots.seed_documents import read_seed_document
from fotapool.services.snapshots.seeds import check_document
from support.helpers import NOW_MS

ACCOUNT = "0000000001-00001"
DEVICES = [f"99000000000000{number}" for number in range(6)]


def pair(method: str, path: str, answer: Any, status: int = 200, sent: Any = None, **headers: str) -> Pair:
    body = None if sent is None else Body(json=sent)
    request = RecordedRequest(method=method, path=path, headers=headers, body=body)
    return Pair(
        number=1, time="", took=0, request=request, answer=RecordedResponse(status=status, body=Body(json=answer))
    )


def rows(status: str, *numbers: int, reason: str = "Success") -> list[dict[str, str]]:
    return [{"deviceId": DEVICES[number], "status": status, "resultReason": reason} for number in numbers]


def prepared(*pairs: Pair) -> dict[str, Any]:
    """The document, which is a seed document that can be applied."""
    import json

    document = SeedBuilder(pairs).document()
    check_document(read_seed_document(json.dumps(document)), NOW_MS)
    return document


def account(*pairs: Pair) -> dict[str, Any]:
    (found,) = prepared(*pairs)["accounts"]
    return dict(found)


def held(found: dict[str, Any]) -> dict[str, bool]:
    return {line["deviceId"]: line["licensed"] for line in found["devices"] if "deviceId" in line}


def test_devices_hold_at_the_beginning_what_the_first_answers_tell() -> None:
    base = f"/api/fota/v3/licenses/{ACCOUNT}"
    assigned = {
        "accountName": ACCOUNT,
        "licCount": 9,
        "licUsedCount": 5,
        "deviceList": [
            *rows("LicenseAssignSuccess", 0),
            *rows("LicenseAssignSuccess", 1, reason="Device license preexisting"),
            *rows("LicenseAssignFailure", 2, reason="No unused license available."),
            *rows("LicenseAssignFailure", 3, reason="Device Not Found."),
        ],
    }
    removed = {"accountName": ACCOUNT, "licCount": 9, "licUsedCount": 4, "deviceList": rows("LicenseRemoveSuccess", 4)}
    listed = {"accountName": ACCOUNT, "deviceList": [{"deviceId": DEVICES[0]}, {"deviceId": DEVICES[5]}]}
    found = account(
        pair("POST", f"{base}/assign", assigned), pair("POST", f"{base}/remove", removed), pair("GET", base, listed)
    )
    assert held(found) == {DEVICES[0]: False, DEVICES[1]: True, DEVICES[2]: False, DEVICES[4]: True, DEVICES[5]: True}
    assert found["licenseCount"] == 9
    (filler,) = [line for line in found["devices"] if "first" in line]
    assert (filler["count"], filler["licensed"]) == (1, 1), "four were in use at first, three are known"


def test_subscription_candidates_and_packages_are_told_too() -> None:
    found = prepared(
        pair(
            "GET",
            f"/api/fota/v2/subscriptions/{ACCOUNT}",
            {
                "accountName": ACCOUNT,
                "purchaseType": "TS-HFOTA-EVNT,TS-HFOTA-MRC",
                "licenseCount": 7,
                "licenseUsedCount": 0,
            },
        ),
        pair("GET", f"/api/fota/v2/licenses/{ACCOUNT}/cancel", {"count": 1, "deviceList": DEVICES[:1]}),
        pair(
            "GET",
            f"/api/fota/v3/firmware/{ACCOUNT}",
            [
                {
                    "firmwareName": "FW",
                    "firmwareFrom": "1",
                    "firmwareTo": "2",
                    "make": "M",
                    "model": "X",
                    "protocol": "OMD-DM",
                }
            ],
        ),
        pair(
            "POST",
            f"/api/fota/v3/campaigns/firmware/{ACCOUNT}",
            {"id": "x", "accountName": ACCOUNT, "firmwareName": "FW"},
            sent={"deviceList": DEVICES[1:2]},
        ),
    )
    (one,) = found["accounts"]
    assert (one["purchaseType"], one["licenseCount"], one["candidates"]) == (
        "TS-HFOTA-EVNT,TS-HFOTA-MRC",
        7,
        DEVICES[:1],
    )
    assert {line["deviceId"]: line.get("firmware") for line in one["devices"]} == {DEVICES[0]: None, DEVICES[1]: "1"}
    (package,) = found["firmware"]
    assert (package["firmwareName"], package["fromVersion"], package["protocol"]) == ("FW", "1", "OMADM")


def test_only_sign_ins_that_succeeded_make_clients_and_users() -> None:
    basic = base64.b64encode(b"key-1:secret-1").decode()
    other = base64.b64encode(b"key-2:secret-2").decode()
    found = prepared(
        pair("POST", "/api/ts/v1/oauth2/token", {"access_token": "x"}, authorization=f"Basic {basic}"),
        pair("POST", "/api/ts/v1/oauth2/token", {"error": "invalid_client"}, 401, authorization=f"Basic {other}"),
        pair("POST", "/api/ts/v1/oauth2/token", {"access_token": "x"}, authorization="Basic ???"),
        pair("POST", "/api/m2m/v1/session/login", {"sessionToken": "x"}, sent={"username": "u", "password": "p"}),
        pair("POST", "/api/m2m/v1/session/login", {}, 400, sent={"username": "v", "password": "p"}),
    )
    assert [one["key"] for one in found["clients"]] == ["key-1", "compare-client"]
    assert [one["username"] for one in found["users"]] == ["u", "compare-user"]


def test_answers_of_any_shape_are_borne() -> None:
    row = {"deviceId": DEVICES[0], "make": "\x00", "protocol": "?", "firmwareName": "a/b"}
    odd: list[Any] = [None, 1, "x", [], [[{}]], {"deviceList": 3}, {"deviceList": {"a": 1}}, {"purchaseType": "?"}]
    odd.append({"deviceList": [row]})
    prepared(*(pair("GET", f"/api/fota/v3/licenses/{ACCOUNT}", one) for one in odd))
