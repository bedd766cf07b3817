"""The operator sees deliveries with their attempts, delivers again, removes listeners and turns signatures on."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from fotapool.domain.callbacks import Event, FirmwareReported
from fotapool.domain.packages import NewPackage
from fotapool.services.commands import DirectCommand
from fotapool.store.callbacks.deliveries import record_events, record_package_available
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.db.writer import Writer
from support.helpers import ACCOUNT, NOW_MS, OTHER, Api

URL = "https://receiver.example/"


def change(api: Api, do: Callable[[Connection], None]) -> None:
    """A change of the server's database by another writer."""

    async def play() -> None:
        database = open_database(api.server.settings.database, durable=False)
        writer = Writer(database, lambda: NOW_MS)
        try:
            await writer.submit(DirectCommand(lambda connection, _: do(connection), (1, 2)))
        finally:
            await writer.stop()

    asyncio.run(play())


def happen(api: Api, account_id: int, *numbers: int) -> None:
    events: list[Event] = [
        FirmwareReported(account_name=ACCOUNT, imei=number, firmware="1", request_id=f"id-{number}", at_ms=NOW_MS)
        for number in numbers
    ]
    change(api, lambda connection: record_events(connection, account_id, events, NOW_MS))


@pytest.fixture
def listening(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> Api:
    """An account with a listener of v1 and one of v3, and two deliveries to each."""
    monkeypatch.setattr("fotapool.worker.callbacks.deliveries.POLL_S", 3600)  # only an advance delivers
    api = start(callback_private_targets=False)
    body = {"name": "Fota", "url": URL, "username": "me", "password": "secret"}
    assert api.call("POST", f"/v1/callbacks/{ACCOUNT}", body).status_code == 200
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": URL}).status_code == 200
    happen(api, 1, 1, 2)
    return api


def test_deliveries_are_listed_by_account_and_state_page_by_page(listening: Api) -> None:
    found = listening.control("GET", "/deliveries").json()
    assert [(one["listener"], one["event"], one["account"]) for one in found["deliveries"]] == [
        ("v1", "firmware reported", ACCOUNT),
        ("v1", "firmware reported", ACCOUNT),
        ("v3", "firmware reported", ACCOUNT),
        ("v3", "firmware reported", ACCOUNT),
    ]
    assert found["hasMoreData"] is False
    page = listening.control("GET", f"/deliveries?account={ACCOUNT}&state=waiting&limit=3").json()
    assert page["hasMoreData"] is True
    rest = listening.control("GET", f"/deliveries?after={page['deliveries'][-1]['id']}").json()
    assert [one["id"] for one in [*page["deliveries"], *rest["deliveries"]]] == [
        one["id"] for one in found["deliveries"]
    ]
    for query in (f"account={OTHER}", "state=failed", "state=delivered"):
        assert listening.control("GET", f"/deliveries?{query}").json()["deliveries"] == []


def test_a_delivery_is_read_with_its_attempts_and_redelivered_once_it_has_ended(listening: Api) -> None:
    first = listening.control("GET", "/deliveries").json()["deliveries"][0]
    path = f"/deliveries/{first['id']}"
    detail = listening.control("GET", path).json()
    assert (detail["delivery"]["id"], detail["delivery"]["state"]) == (first["id"], "waiting")
    assert listening.control("DELETE", f"/accounts/{ACCOUNT}/listeners/v1").status_code == 204
    detail = listening.control("GET", path).json()
    assert (detail["delivery"]["state"], detail["delivery"]["nextAttempt"]) == ("failed", None)
    assert "deregistered" in detail["attempts"][-1]["error"]
    assert listening.control("POST", f"{path}/redeliver").status_code == 409  # nobody listens
    listening.call("POST", f"/v1/callbacks/{ACCOUNT}", {"name": "Fota", "url": URL})
    again = listening.control("POST", f"{path}/redeliver")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "waiting", 0)


def health(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", f"/listeners{query}").json()["listeners"]
    return found


def test_the_status_of_a_listener_follows_its_attempts_and_a_waiting_delivery_is_retried_at_once(
    listening: Api,
) -> None:
    for one in health(listening):
        assert (one["status"], one["waiting"], one["lastAttempt"], one["failed"]) == ("delivering", 2, None, 0)
        assert one["oldestWaiting"] == one["nextAttempt"] == "2026-03-10T12:00:00.000Z"
    listening.advance("PT1M")
    first, second = health(listening, "?status=retrying")
    assert (first["id"], second["id"]) == (f"{ACCOUNT}/v1", f"{ACCOUNT}/v3")
    assert (first["failingSince"], first["attempts"]) == ("2026-03-10T12:00:00.000Z", 1)
    assert first["nextAttempt"] == "2026-03-10T12:05:00.000Z"
    assert (first["lastAttempt"]["status"], first["lastDelivered"]) == (None, None)
    assert first["lastAttempt"]["error"]
    waiting = listening.control("GET", "/deliveries?state=waiting").json()["deliveries"]
    later = listening.control("POST", f"/deliveries/{waiting[1]['id']}/redeliver")  # the second in line
    assert (later.status_code, later.json()["nextAttempt"]) == (200, None)
    retried = listening.control("POST", f"/accounts/{ACCOUNT}/listeners/v3/retry").json()
    assert (retried["attempts"], retried["nextAttempt"]) == (0, "2026-03-10T12:01:00.000Z")
    assert health(listening)[0]["nextAttempt"] == "2026-03-10T12:01:00.000Z"
    listening.advance("PT15M")
    assert {one["status"] for one in health(listening)} == {"failing"}
    assert health(listening, f"?after={ACCOUNT}/v1&status=failing&limit=1&account={ACCOUNT}")[0]["listener"] == "v3"
    assert health(listening, f"?account={OTHER}") == health(listening, "?status=delivering") == []
    listening.call("PUT", f"/v3/callbacks/{ACCOUNT}", {"url": f"{URL}other"})
    assert [(one["listener"], one["waiting"]) for one in health(listening, "?status=delivering")] == [("v3", 1)]
    actions = [one["action"] for one in listening.control("GET", "/audit-log").json()["entries"]]
    assert {"redeliver", "retryListener"} <= set(actions)


def test_failed_deliveries_are_delivered_again_in_steps(listening: Api) -> None:
    listening.advance("PT2H")
    assert {one["failed"] for one in health(listening)} == {2}
    assert listening.control("POST", f"/accounts/{ACCOUNT}/listeners/v1/retry").status_code == 409
    path = "/deliveries/redeliver"
    none = {"redelivered": 0, "withoutListener": 0, "nextAfter": None}
    for nothing in ({"account": OTHER}, {"event": "campaign changed"}, {"until": "2026-03-10T12:00:00Z"}):
        assert listening.control("POST", path, nothing).json() == none
    listening.control("DELETE", f"/accounts/{ACCOUNT}/listeners/v1")
    given: dict[str, Any] = {"account": ACCOUNT, "since": "2026-03-10T12:00:00Z", "limit": 1}
    steps: list[dict[str, Any]] = []
    while not steps or steps[-1]["nextAfter"] is not None:
        after = {"after": steps[-1]["nextAfter"]} if steps else {}
        steps.append(listening.control("POST", path, given | after).json())
    assert sum(step["redelivered"] for step in steps) == 2
    assert sum(step["withoutListener"] for step in steps) == 2
    assert [(one["listener"], one["waiting"]) for one in health(listening)] == [("v3", 2)]
    entry = listening.control("GET", "/audit-log?action=redeliverFailed").json()["entries"][0]
    assert (entry["account"], entry["outcome"]) == (ACCOUNT, "done")
    listening.advance("PT2H")
    assert listening.control("POST", path, {"listener": "v3"}).json()["redelivered"] == 2


def test_listeners_are_shown_without_their_password_and_removed(listening: Api) -> None:
    response = listening.control("GET", f"/accounts/{ACCOUNT}/listeners")
    assert "secret" not in response.text
    found = response.json()
    assert [(one["listener"], one["url"], one["username"]) for one in found["listeners"]] == [
        ("v1", URL, "me"),
        ("v3", URL, None),
    ]
    assert listening.control("DELETE", f"/accounts/{ACCOUNT}/listeners/v3").status_code == 204
    assert listening.control("DELETE", f"/accounts/{ACCOUNT}/listeners/v3").status_code == 404
    assert listening.call("GET", f"/v3/callbacks/{ACCOUNT}").json() == {}


def test_signing_is_turned_on_with_a_secret_that_is_shown_once_and_off(api: Api) -> None:
    path = f"/accounts/{ACCOUNT}/callbacks/signing"
    made = api.control("PUT", path, {}).json()["secret"]
    assert len(base64.b64decode(made.removeprefix("whsec_"))) == 24
    given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert api.control("PUT", path, {"secret": given}).json() == {"secret": given}
    listed = api.control("GET", f"/accounts/{ACCOUNT}/listeners")
    assert (listed.json(), given in listed.text) == ({"listeners": [], "signing": True}, False)
    assert api.control("DELETE", path).status_code == 204
    assert api.control("DELETE", path).status_code == 404
    assert api.control("GET", f"/accounts/{ACCOUNT}/listeners").json()["signing"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/deliveries?state=other", None, 400),
        ("GET", "/deliveries?limit=0", None, 400),
        ("GET", "/deliveries?account=nobody", None, 404),
        ("GET", "/deliveries/999", None, 404),
        ("GET", "/deliveries/x", None, 404),
        ("GET", f"/deliveries/{10**30}", None, 404),
        ("POST", "/deliveries/999/redeliver", None, 404),
        ("POST", "/deliveries/redeliver", {"listener": "v4"}, 400),
        ("POST", "/deliveries/redeliver", {"since": "monday"}, 400),
        ("POST", "/deliveries/redeliver", {"account": "nobody"}, 404),
        ("GET", "/listeners?status=odd", None, 400),
        ("POST", f"/accounts/{ACCOUNT}/listeners/v3/retry", None, 404),
        ("POST", f"/accounts/{ACCOUNT}/listeners/%00/retry", None, 404),
        ("GET", "/accounts/nobody/listeners", None, 404),
        ("DELETE", f"/accounts/{ACCOUNT}/listeners/%00", None, 404),
        ("PUT", "/accounts/nobody/callbacks/signing", {}, 404),
        ("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {"secret": "short"}, 400),
        ("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {"secret": "whsec_c2hvcnQ="}, 400),
        ("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {"secret": "whsec_!!!"}, 400),
        ("PUT", f"/accounts/{ACCOUNT}/callbacks/signing", {"other": 1}, 400),
    ],
)
def test_what_makes_no_sense_is_a_problem(api: Api, method: str, path: str, body: object, status: int) -> None:
    response = api.control(method, path, body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_accounts_that_listen_are_reported_of_packages_that_fit_their_devices(api: Api) -> None:
    api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": URL})
    fitting = NewPackage(
        name="fits",
        make="Verizon",
        model="Model-A",
        from_version="1",
        to_version="2",
        protocol="LWM2M",
        launched_ms=NOW_MS,
    )
    others = [
        NewPackage(
            name="other model",
            make="Verizon",
            model="Model-B",
            from_version="1",
            to_version="2",
            protocol="LWM2M",
            launched_ms=NOW_MS,
        ),
        NewPackage(
            name="other version",
            make="Verizon",
            model="Model-A",
            from_version="0",
            to_version="1",
            protocol="LWM2M",
            launched_ms=NOW_MS,
        ),
        NewPackage(
            name="other protocol",
            make="Verizon",
            model="Model-A",
            from_version="1",
            to_version="2",
            protocol="HTTP",
            launched_ms=NOW_MS,
        ),
        NewPackage(
            name="not yet",
            make="Verizon",
            model="Model-A",
            from_version="1",
            to_version="2",
            protocol="LWM2M",
            launched_ms=NOW_MS + 1,
        ),
    ]
    change(api, lambda connection: record_package_available(connection, others, NOW_MS))
    assert api.control("GET", "/deliveries").json()["deliveries"] == []
    packages = [others[0], fitting, *others[1:]]
    change(api, lambda connection: record_package_available(connection, packages, NOW_MS))
    (delivery,) = api.control("GET", "/deliveries").json()["deliveries"]
    assert (delivery["account"], delivery["event"]) == (ACCOUNT, "firmware available")
