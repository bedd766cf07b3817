"""The steps of the demo: a heading, a request over HTTP, and the response that the published pages document."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx

from fotapool.cli.demo.show import Call, Json, differences, format_json, format_response
from fotapool.testing.inbox import Callback, Inbox

KEY, SECRET = "demo-key", "demo-secret"
USER, PASSWORD = "zbeeblebrox", "IMgr8"
REMOVING, STATUS, ASSIGNING = "0242078689-00001", "0402196254-00001", "0000123456-00001"
"""The accounts of the published examples: v1 remove, v1 license status, v3 assign."""
RUNNING, LISTED, UPGRADED, UNDATED = "990003425730535", "990000473475989", "990000347475989", "990007303425535"
"""The devices of the license status example, named after their role in the demo."""
PACKAGE, FAILING = "FOTA_Verizon_Model-B_1To2_HF", "990010000000000"
NEVER_AGAIN = "License removal not allowed for devices that have ever upgraded firmware."
CALLBACK_WITHIN_S = 10.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
BY_CANDIDATE_LIST = re.compile(".*candidate list")


class WrongResponse(Exception):
    """The response of a step was not as documented; the message says what differs."""


class DemoScript:
    """Runs the steps in order. `echo` prints a line, `echo_heading` a heading."""

    def __init__(
        self,
        http: httpx.Client,
        operator_key: str,
        inbox: Inbox,
        echo: Callable[[str], None],
        echo_heading: Callable[[str], None],
    ) -> None:
        self._http = http
        self._inbox = inbox
        self._operator = {"Authorization": f"Bearer {operator_key}"}
        self._tokens: dict[str, str] = {}
        self._echo = echo
        self._echo_heading = echo_heading
        self.steps = 0

    def run(self) -> None:
        """Raises WrongResponse at the first response that is not as documented."""
        self._sign_in()
        self._assign_and_remove()
        self._list_licenses_and_candidates()
        campaign_id = self._run_campaign()
        self._report_campaign(campaign_id)
        self._receive_callback()
        self._remove_used_license()
        self._reduce_subscription()
        self._explain()

    def _step(self, heading: str, call: Call, expected: Json) -> Any:
        """Sends the request and prints it with its response, which it returns."""
        self._begin(heading)
        self._echo(call.as_curl(str(self._http.base_url).rstrip("/")))
        response = call.send(self._http)
        self._echo(format_response(response) + "\n")
        try:
            body = response.json()
        except ValueError:
            raise WrongResponse(f"step {self.steps}, {heading}: the body is not JSON") from None
        wrong = [] if response.status_code == 200 else [f"the status is {response.status_code}, expected 200"]
        self._check(heading, wrong + differences(expected, body))
        return body

    def _begin(self, heading: str) -> None:
        self.steps += 1
        self._echo_heading(f"{self.steps}. {heading}")

    def _check(self, heading: str, wrong: list[str]) -> None:
        if wrong:
            raise WrongResponse(f"step {self.steps}, {heading}: {'; '.join(wrong)}")

    def _documented(self, method: str, path: str, body: Json = None) -> Call:
        return Call(method, f"/api/fota{path}", self._tokens, body)

    def _control(self, method: str, path: str, body: Json = None) -> Call:
        return Call(method, f"/control/v1{path}", self._operator, body)

    def _sign_in(self) -> None:
        token = self._step(
            "Sign in, part 1: the client's key and secret give a bearer token, valid for an hour",
            Call("POST", "/api/ts/v1/oauth2/token", form={"grant_type": "client_credentials"}, user=(KEY, SECRET)),
            {"access_token": str, "token_type": "Bearer", "expires_in": int, "scope": str},
        )
        self._tokens = {"Authorization": f"Bearer {token['access_token']}"}
        session = self._step(
            "Sign in, part 2: user name and password give a session token, valid for 20 minutes without requests",
            Call("POST", "/api/m2m/v1/session/login", self._tokens, {"username": USER, "password": PASSWORD}),
            {"sessionToken": UUID},
        )
        self._tokens |= {"VZ-M2M-Token": session["sessionToken"]}

    def _assign_and_remove(self) -> None:
        devices = [f"{350000000000011 + number:015d}" for number in range(3)]
        success = ("LicenseAssignSuccess", "Success")
        failure = ("LicenseAssignFailure", "No unused license available.")
        self._step(
            "Assign (v3): three devices, two licenses. The first two in the request get them",
            self._documented("POST", f"/v3/licenses/{ASSIGNING}/assign", {"deviceList": devices}),
            {
                "accountName": ASSIGNING,
                "licCount": 2,
                "licTotalCount": 2,
                "licUsedCount": 2,
                "deviceList": _rows(devices, [success, success, failure]),
            },
        )
        again = ("LicenseAssignSuccess", "Device license preexisting")
        self._step(
            "Assign the two again: a success that changes nothing, as in the page's example",
            self._documented("POST", f"/v3/licenses/{ASSIGNING}/assign", {"deviceList": devices[:2]}),
            {"licCount": 2, "licUsedCount": 2, "deviceList": _rows(devices[:2], [again, again])},
        )
        given = ["900000000000001", "900000000000998", "900000000000999"]
        removed = ("LicenseRemoveSuccess", "Success")
        not_licensed = ("LicenseRemoveFailed", "No license attached to device")
        self._step(
            "Remove (v1): the page's example, with its response",
            self._documented("POST", f"/v1/licenses/{REMOVING}/remove", {"deviceList": given}),
            {
                "accountName": REMOVING,
                "licCount": 9000,
                "licUsedCount": 998,
                "deviceList": _rows(given, [removed, removed, not_licensed]),
            },
        )

    def _list_licenses_and_candidates(self) -> None:
        known = "2017-11-29 20:15:42.738 +0000 UTC"
        times = {UPGRADED: known, LISTED: known, RUNNING: known, UNDATED: "01-01-1900 0:0:0 +0000 UTC"}
        self._step(
            "License status (v1): the first page of 1,000 devices; the next one starts after lastSeenDeviceId",
            self._documented("GET", f"/v1/licenses/{STATUS}/index/0"),
            {
                "accountName": STATUS,
                "totalLicenses": 5000,
                "assignedLicenses": 4319,
                "hasMoreData": True,
                "lastSeenDeviceId": 990010000000995,
                "deviceList": [*({"deviceId": one, "assignmentTime": times[one]} for one in sorted(times)), ...],
            },
        )
        body = {"type": "append", "count": 2, "deviceList": [RUNNING, LISTED]}
        self._step(
            "Cancellation candidates (v2): the devices that lose their license first in a reduction",
            self._documented("POST", f"/v2/licenses/{STATUS}/cancel", body),
            {"count": 2, "deviceList": [RUNNING, LISTED]},
        )

    def _run_campaign(self) -> str:
        """Returns the campaign's id."""
        url = f"{self._inbox.url}/v3"
        self._step(
            "Callbacks (v3): register this demo as the listener",
            self._documented("POST", f"/v3/callbacks/{STATUS}", {"url": url}),
            {"url": url},
        )
        clock = self._step(
            "The emulator's test clock: campaigns run on days",
            self._control("GET", "/clock"),
            {"now": TIME, "frozen": False},
        )
        today = date.fromisoformat(clock["now"][:10])
        body = {
            "campaignName": "Demo",
            "firmwareName": PACKAGE,
            "firmwareFrom": "1",
            "firmwareTo": "2",
            "protocol": "LWM2M",
            "startDate": today.isoformat(),
            "endDate": (today + timedelta(days=3)).isoformat(),
            "autoAssignLicenseFlag": False,
            "autoAddDevicesFlag": False,
            "deviceList": [UPGRADED, RUNNING, FAILING],
        }
        campaign = self._step(
            "A campaign (v3): new firmware for three simulated devices. It is accepted now and checked later",
            self._documented("POST", f"/v3/campaigns/firmware/{STATUS}", body),
            {"id": UUID, "firmwareName": PACKAGE, "status": "CampaignRequestPending"},
        )
        campaign_id = str(campaign["id"])
        self._step(
            "Advance the clock by a quarter of an hour: all events due in it run now, in order",
            self._control("POST", "/clock", {"advance": "PT15M"}),
            {"happened": [{"what": "campaign checked", "count": 3, "campaign": campaign_id}, ...]},
        )
        self._step(
            "The campaign (v3) is running: one of its devices takes a day",
            self._documented("GET", f"/v3/campaigns/{STATUS}/{campaign_id}"),
            {"id": campaign_id, "status": "CampaignScheduled", "make": "Verizon", "model": "Model-B"},
        )
        return campaign_id

    def _report_campaign(self, campaign_id: str) -> None:
        rows = [
            (UPGRADED, "UpgradeSuccess", "Upgrade completed successfully"),
            (RUNNING, "UpgradeScheduled", "The upgrade has begun, download in progress."),
            (FAILING, "UpgradeFailed", "Installation failed."),
        ]
        self._step(
            "Its devices (v3): one is upgraded, one is upgrading, one has failed",
            self._documented("GET", f"/v3/reports/{STATUS}/campaigns/{campaign_id}/devices"),
            {
                "totalDevice": 3,
                "hasMoreData": False,
                "deviceList": [{"deviceId": row[0], "status": row[1], "resultReason": row[2]} for row in rows],
            },
        )
        upgrade = {
            "deviceId": UPGRADED,
            "id": campaign_id,
            "accountName": STATUS,
            "firmwareFrom": "1",
            "firmwareTo": "2",
            "status": "UpgradeSuccess",
            "reason": "success",
        }
        self._step(
            "One device's upgrades in six months (v1): every version reports the same campaign",
            self._documented("GET", f"/v1/reports/{STATUS}/devices/{UPGRADED}"),
            [upgrade],
        )

    def _receive_callback(self) -> None:
        heading = "The callback that the listener received for the upgraded device"
        self._begin(heading)
        try:
            callback = self._inbox.wait_for(where=_reports_success, timeout_s=CALLBACK_WITHIN_S)[-1]
        except AssertionError as error:
            raise WrongResponse(f"step {self.steps}, {heading}: {error}") from None
        self._echo(f"POST {self._inbox.url}/v3\n{format_json(callback.body)}\n")
        self._check(heading, differences({"accountName": STATUS, "type": "upgradeProgress"}, callback.body))

    def _remove_used_license(self) -> None:
        self._step(
            "Remove (v1) now fails: only unused licenses can be removed",
            self._documented("POST", f"/v1/licenses/{STATUS}/remove", {"deviceList": [UPGRADED]}),
            {
                "licCount": 5000,
                "licUsedCount": 4319,
                "deviceList": _rows([UPGRADED], [("LicenseRemoveFailed", NEVER_AGAIN)]),
            },
        )

    def _reduce_subscription(self) -> None:
        expected = {
            "licenseCount": 4316,
            "need": 3,
            "reclaimed": [LISTED, UNDATED],
            "notice": [RUNNING],
            "canceledUpgrades": [],
            "noticeUntil": TIME,
            "reasons": [
                {"deviceId": RUNNING, "what": "notice", "why": re.compile(".*upgrade ran.*candidate list")},
                {"deviceId": LISTED, "what": "reclaimed", "why": BY_CANDIDATE_LIST},
                {"deviceId": UNDATED, "what": "reclaimed", "why": re.compile(".*first assigned, first out")},
            ],
        }
        path, body = f"/accounts/{STATUS}/subscription", {"licenseCount": 4316}
        self._step(
            "Preview a reduction from 5000 to 4316 licenses, with 4319 assigned: which devices lose theirs?",
            self._control("PUT", f"{path}?preview=true", body),
            expected | {"preview": True},
        )
        self._step(
            "Reduce: candidates first, then first assigned, first out; a running upgrade keeps its license for now",
            self._control("PUT", path, body),
            expected | {"preview": False},
        )

    def _explain(self) -> None:
        reclaimed = {
            "deviceId": LISTED,
            "what": "reclaimed",
            "why": BY_CANDIDATE_LIST,
            "actor": "operator",
            "usedBefore": 4319,
            "usedAfter": 4318,
            "time": TIME,
        }
        self._step(
            "Why did the device lose its license? The last ledger entry has the reason",
            self._control("GET", f"/accounts/{STATUS}/ledger?deviceId={LISTED}"),
            {"entries": [{"what": "assigned", "deviceId": LISTED}, reclaimed], "hasMoreData": False},
        )
        self._step(
            "The pool: one license above the total is under notice, so none is free",
            self._control("GET", f"/accounts/{STATUS}"),
            {"name": STATUS, "licenseCount": 4316, "licenseUsedCount": 4317, "underNotice": 1, "free": 0},
        )
        self._step(
            "The audit recomputes every invariant from the database",
            self._control("GET", f"/accounts/{STATUS}/audit"),
            {"consistent": True, "checks": list},
        )


def _rows(devices: list[str], results: list[tuple[str, str]]) -> list[Json]:
    return [
        {"deviceId": device, "status": status, "Reason": reason}
        for device, (status, reason) in zip(devices, results, strict=True)
    ]


def _reports_success(callback: Callback) -> bool:
    rows = callback.content.get("deviceList", []) if callback.type == "upgradeProgress" else []
    return any((row.get("deviceId"), row.get("status")) == (UPGRADED, "UpgradeSuccess") for row in rows)
