"""The emulator's pages of requests with hints, fault rules and simulated devices."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.console.emulator.fault_labels import describe_action, describe_match
from fotapool.console.emulator.faults import FIELDS, PRESETS, read_fault
from fotapool.emulator.faults import Rules
from support.helpers import ACCOUNT, OTHER, Api, devices

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REQUESTS, FAULTS = "/emulator/requests", "/emulator/faults"


def assign(api: Api, *numbers: int) -> httpx.Response:
    return api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(*numbers)})


def number_of(page: str, path: str) -> int:
    """The newest request's with this path."""
    return int(page[: page.index(path)].rsplit("/console/emulator/requests/", 1)[1].split('"')[0])


def test_requests_are_listed_newest_first_with_hints(console: Browser, api: Api) -> None:
    assign(api, 0)
    api.call("GET", "/v3/licenses/242078689-1?lastSeenDeviceId=0")
    page = words_of(console.get(REQUESTS))
    assert page.index("/v3/licenses/242078689-1") < page.index(f"/v3/licenses/{ACCOUNT}/assign")
    assert f"Hint: The account's zeros are part of its name: there is an account {ACCOUNT}; send that." in page


def test_the_inspector_s_old_address_leads_to_the_page_and_nothing_in_it_runs(console: Browser, api: Api) -> None:
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"devceList": ["<script>alert(1)</script>"]})
    found = api.http.get("/inspector")
    assert (found.status_code, found.headers["location"]) == (307, f"/console{REQUESTS}")
    page = console.get(REQUESTS)
    assert "`devceList` is a misprint" in page
    shown = console.get(f"{REQUESTS}/{number_of(page, '/assign')}")
    assert "curl -sS -i -X POST" in shown
    assert "<script>alert" not in shown
    assert api.bearer not in shown
    assert api.session not in shown


def test_serve_has_no_such_page(start: Any) -> None:
    assert start(seed=None, emulator=False).http.get("/inspector").status_code == 404


def test_requests_are_filtered_by_account_path_and_answer(console: Browser, api: Api) -> None:
    assign(api, 0)
    api.call("GET", f"/v3/licenses/{OTHER}?lastSeenDeviceId=0")
    assert "/assign" not in console.get(f"{REQUESTS}?account={OTHER}")
    assert f"/licenses/{OTHER}" not in console.get(f"{REQUESTS}?path=assign")
    refused = words_of(console.get(f"{REQUESTS}?status=refused"))
    assert f"/licenses/{OTHER}" in refused
    assert "/assign" not in refused
    assert "/assign" in console.get(f"{REQUESTS}?status=200")
    assert "No captured request matches" in words_of(console.get(f"{REQUESTS}?path=nowhere"))
    assert "must be a whole number from 100 to 599" in words_of(console.get(f"{REQUESTS}?status=9", status=400))


def test_many_requests_are_paged(console: Browser, api: Api) -> None:
    for _ in range(60):
        api.call("GET", f"/v3/licenses/{ACCOUNT}?lastSeenDeviceId=0")
    first = console.get(f"{REQUESTS}?path=licenses")
    assert first.count('<th scope="row">') == 50
    following = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert console.get(REQUESTS + following).count('<th scope="row">') == 10


def test_a_request_is_shown_whole_and_to_do_again(console: Browser, api: Api) -> None:
    assign(api, 0)
    page = console.get(REQUESTS)
    number = number_of(page, "/assign")
    shown = words_of(console.get(f"{REQUESTS}/{number}"))
    assert f"POST /api/fota/v3/licenses/{ACCOUNT}/assign" in shown
    assert "authorization: Bearer ***" in shown
    assert '"licenseUsedCount"' not in shown or "200" in shown
    assert "curl -sS -i -X POST" in shown
    assert f"def test_request_{number}()" in shown
    assert console.get(f"{REQUESTS}/{number}/pytest").startswith('"""Request ')
    assert console.get(f"{REQUESTS}/{number}/curl").startswith("# request ")
    assert "curl or pytest" in words_of(console.get(f"{REQUESTS}/{number}/java", status=404))
    assert "is no longer stored" in words_of(console.get(f"{REQUESTS}/99999", status=404))
    assert "does not exist" in words_of(console.get(f"{REQUESTS}/x", status=404))


def test_a_long_body_is_shown_in_part(console: Browser, api: Api) -> None:
    assign(api, *range(2000))
    page = console.get(f"{REQUESTS}/{number_of(console.get(REQUESTS), '/assign')}")
    assert "the first 16,000 characters" in words_of(page)


def test_requests_are_forgotten(console: Browser, api: Api) -> None:
    assign(api, 0)
    page = console.post(REQUESTS, {})
    assert notice_of(page).endswith("requests deleted.")
    assert "No requests yet. Call the API" in words_of(page)


def test_a_rule_loses_the_answer_of_the_next_assign_and_says_so(console: Browser, api: Api) -> None:
    assert "No rules." in words_of(console.get(FAULTS))
    page = console.post(FAULTS, PRESETS["lost-answer"].fields)
    assert notice_of(page) == "Rule 1 added."
    assert "requests to /fota/v3/licenses/*/assign, occurrence 1 only" in words_of(page)
    with pytest.raises(httpx.RemoteProtocolError):
        assign(api, 0)
    assert api.pool()["licenseUsedCount"] == 1
    page = words_of(console.get(FAULTS))
    assert "is handled, but the connection closes without an answer 1 1" in page.replace("Delete", "")
    assert "connection dropped after the commit" in page
    assert "no answer" in words_of(console.get(f"{REQUESTS}?status=refused"))


def test_another_answer_has_status_headers_and_body(console: Browser, api: Api) -> None:
    form = {
        "path": "/fota",
        "kind": "status",
        "status": "429",
        "headers": "Retry-After: 2\nX-One: a",
        "body": '{"a": 1}',
    }
    console.post(FAULTS, form)
    answer = assign(api, 0)
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-one"]) == (429, "2", "a")
    assert answer.json() == {"a": 1}
    assert api.control("GET", "/faults").json()["faults"][0]["action"]["body"] == {"a": 1}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": ""}, "choose an effect"),
        ({"kind": "latency"}, "latencyMs must say how long"),
        ({"kind": "latency", "latencyMs": "70000"}, "latencyMs"),
        ({"kind": "latency", "latencyMs": "soon"}, "latencyMs must be a whole number"),
        ({"kind": "status", "status": "99"}, "status must be a whole number from 200 to 599"),
        ({"kind": "status", "status": "200", "headers": "nothing"}, "headers must be lines"),
        ({"kind": "status", "status": "204", "body": "x"}, "has no body"),
        ({"kind": "callback-delay"}, "callback delay needs byMs"),
        ({"kind": "callback-drop", "method": "POST"}, "a rule about callbacks has no method"),
        ({"kind": "after", "nth": "1", "times": "2"}, "leave out every and times"),
        ({"kind": "after", "probability": "2"}, "probability"),
        ({"kind": "after", "probability": "half"}, "probability must be a number"),
        ({"kind": "after", "method": "BREW"}, "method"),
    ],
)
def test_a_rule_that_cannot_be_says_why_and_keeps_what_was_typed(
    console: Browser, form: dict[str, str], words: str
) -> None:
    page = console.post(FAULTS, {"path": "/typed", **form}, status=400)
    assert words in notice_of(page)
    assert 'value="/typed"' in page
    assert "No rules." in words_of(page)


def test_rules_are_deleted_one_by_one_and_all_at_once(console: Browser, api: Api) -> None:
    for kind in ("before", "bearer", "callback-drop"):
        console.post(FAULTS, {"path": "/nowhere", "kind": kind})
    assert notice_of(console.post(f"{FAULTS}/delete", {"rule": "2"})).startswith("Rule 2 deleted")
    assert [rule["id"] for rule in api.control("GET", "/faults").json()["faults"]] == [1, 3]
    console.post(f"{FAULTS}/delete", {"rule": "2"}, status=404)
    assert "All rules and their activity deleted" in notice_of(console.post(f"{FAULTS}/clear", {}))
    assert api.control("GET", "/faults").json()["faults"] == []


def test_rules_of_the_operator_plane_are_shown_too(console: Browser, api: Api) -> None:
    rule = {"match": {"deviceId": "990000000000000", "every": 3, "times": 2}, "action": {"latencyMs": 5}}
    api.control("POST", "/faults", rule)
    page = words_of(console.get(FAULTS))
    assert "requests about device 990000000000000, one in every 3, at most 2 times" in page
    assert "waits 5 ms" in page
    assert '"latencyMs": 5' in page


@pytest.mark.parametrize("name", PRESETS)
def test_every_example_fills_the_form_with_a_rule_that_can_be(console: Browser, name: str) -> None:
    page = words_of(console.get(f"{FAULTS}?preset={name}"))
    assert PRESETS[name].lesson in page
    rule = Rules(lambda: 0).add(read_fault({field: PRESETS[name].fields.get(field, "") for field in FIELDS}))
    assert describe_match(rule.match, rule.action.callback is not None)
    assert describe_action(rule.action)


def test_simulated_devices_are_shown_with_their_behavior_and_next_check_ins(start: Any) -> None:
    fleet = [
        {
            "first": "990000000000000",
            "count": 10,
            "checkInEvery": "PT30M",
            "failAtInstall": 0.05,
            "offline": [{"from": 22, "to": 6, "share": 1}],
        },
        {"first": "990000000000010", "count": 5, "offline": [{"from": 0, "to": 24, "share": 1}]},
    ]
    account = {"name": ACCOUNT, "devices": [{"first": "990000000000000", "count": 20}], "fleet": fleet}
    console = Browser(start({"accounts": [account]}, sign_in=False))
    page = words_of(console.get(f"/accounts/{ACCOUNT}/fleet"))
    assert "2 runs of simulated devices" in page
    assert "30 min 10 min to 20 min 0%, 0%, 5% 100% from 22:00 to 06:00" in page
    assert "none soon" in page
    device = words_of(console.get(f"/accounts/{ACCOUNT}/fleet?device=990000000000003"))
    assert "Now reachable" in device
    assert "Next check-ins 2026-03-10 12:" in device
    assert "Last check-ins 2026-03-10 11:" in device or "Last check-ins 2026-03-10 12:00" in device
    away = words_of(console.get(f"/accounts/{ACCOUNT}/fleet?device=990000000000012"))
    assert "Now offline" in away
    assert "it is offline at its next check-ins" in away
    real = words_of(console.get(f"/accounts/{ACCOUNT}/fleet?device=990000000000019"))
    assert "is not a simulated device of this account" in real
    assert "must be an IMEI" in words_of(console.get(f"/accounts/{ACCOUNT}/fleet?device=12", status=400))


def test_an_account_without_simulated_devices_says_so_and_how_to_have_some(console: Browser) -> None:
    page = words_of(console.get(f"/accounts/{ACCOUNT}/fleet"))
    assert "This account has no simulated devices" in page
    assert "Set fleet of the account" in page
