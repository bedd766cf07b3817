"""The demo's walk: each step is a request over real HTTP, a heading, and what the published pages say of its answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx

from fotapool.cli.demo.receiver import Receiver
from fotapool.cli.demo.show import Call, Json, as_curl_prints, differences, pretty

KEY, SECRET = "demo-key", "demo-secret"
USER, PASSWORD = "zbeeblebrox", "IMgr8"
REMOVING, STATUS, ASSIGNING = "0242078689-00001", "0402196254-00001", "0000123456-00001"
"""The accounts of the published examples: v1 remove, v1 license status, v3 assign."""
RUNNING, LISTED, UPGRADED, UNDATED = "990003425730535", "990000473475989", "990000347475989", "990007303425535"
"""The devices of the license status example, named for the part they play here."""
PACKAGE, FAILING = "FOTA_Verizon_Model-B_1To2_HF", "990010000000000"
NEVER_AGAIN = "License removal not allowed for devices that have ever upgraded firmware."
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class WrongAnswer(Exception):
    """A step's answer was not as documented; the message says in what."""


class DemoScript:
    """Sends the steps in order; `say` prints a line, `head` a heading."""

    def __init__(
        self,
        http: httpx.Client,
        operator_key: str,
        receiver: Receiver,
        say: Callable[[str], None],
        head: Callable[[str], None],
    ) -> None:
        self._http = http
        self._receiver = receiver
        self._operator = {"Authorization": f"Bearer {operator_key}"}
        self._tokens: dict[str, str] = {}
        self._say = say
        self._head = head
        self.steps = 0

    def run(self) -> None:
        """Raises WrongAnswer at the first answer that is not as documented."""
        self._sign_in()
        self._assign()
        self._status_and_candidates()
        self._campaign()
        self._devices_of_the_campaign()
        self._callback()
        self._used_for_good()
        self._reduction()
        self._end()

    def _step(self, heading: str, call: Call, status: int, expected: Json) -> Any:
        self.steps += 1
        self._head(f"{self.steps}. {heading}")
        self._say(call.as_curl(str(self._http.base_url).rstrip("/")))
        response = call.send(self._http)
        self._say(as_curl_prints(response) + "\n")
        wrong = [] if response.status_code == status else [f"the status is {response.status_code}, expected {status}"]
        try:
            body = response.json()
        except ValueError:
            raise WrongAnswer(f"step {self.steps}, {heading}: the body is not JSON") from None
        self._check_response(heading, wrong + differences(expected, body))
        return body

    def _check_response(self, heading: str, wrong: list[str]) -> None:
        if wrong:
            raise WrongAnswer(f"step {self.steps}, {heading}: {'; '.join(wrong)}")

    def _documented(self, method: str, path: str, body: Json = None) -> Call:
        return Call(method, f"/api/fota{path}", self._tokens, body)

    def _control(self, method: str, path: str, body: Json = None) -> Call:
        return Call(method, f"/control/v1/accounts/{STATUS}{path}", self._operator, body)

    def _sign_in(self) -> None:
        form = {"grant_type": "client_credentials"}
        token = self._step(
            "Sign in, first half: the client's key and secret give a bearer token, good for an hour",
            Call("POST", "/api/ts/v1/oauth2/token", form=form, user=(KEY, SECRET)),
            200,
            {"access_token": str, "token_type": "Bearer", "expires_in": int, "scope": str},
        )
        self._tokens = {"Authorization": f"Bearer {token['access_token']}"}
        session = self._step(
            "Sign in, second half: user name and password give a session token, good for 20 idle minutes",
            Call("POST", "/api/m2m/v1/session/login", self._tokens, {"username": USER, "password": PASSWORD}),
            200,
            {"sessionToken": UUID},
        )
        self._tokens |= {"VZ-M2M-Token": session["sessionToken"]}

    def _assign(self) -> None:
        devices = [f"{350000000000011 + number:015d}" for number in range(3)]
        row = {"status": "LicenseAssignSuccess", "Reason": "Success"}
        late = {"status": "LicenseAssignFailure", "Reason": "No unused license available."}
        self._step(
            "Assign (v3): three devices, two licenses. The first two in request order get them",
            self._documented("POST", f"/v3/licenses/{ASSIGNING}/assign", {"deviceList": devices}),
            200,
            {
                "accountName": ASSIGNING,
                "licCount": 2,
                "licTotalCount": 2,
                "licUsedCount": 2,
                "deviceList": [
                    {"deviceId": device} | outcome for device, outcome in zip(devices, (row, row, late), strict=True)
                ],
            },
        )
        again = {"status": "LicenseAssignSuccess", "Reason": "Device license preexisting"}
        self._step(
            "Assign the two once more: a success that changes nothing, as the page's example has it",
            self._documented("POST", f"/v3/licenses/{ASSIGNING}/assign", {"deviceList": devices[:2]}),
            200,
            {"licCount": 2, "licUsedCount": 2, "deviceList": [{"deviceId": device} | again for device in devices[:2]]},
        )
        outcomes = [("LicenseRemoveSuccess", "Success")] * 2 + [
            ("LicenseRemoveFailed", "No license attached to device")
        ]
        given = ["900000000000001", "900000000000998", "900000000000999"]
        self._step(
            "Remove (v1): the page's own example, answer included",
            self._documented("POST", f"/v1/licenses/{REMOVING}/remove", {"deviceList": given}),
            200,
            {
                "accountName": REMOVING,
                "licCount": 9000,
                "licUsedCount": 998,
                "deviceList": [
                    {"deviceId": device, "status": status, "Reason": reason}
                    for device, (status, reason) in zip(given, outcomes, strict=True)
                ],
            },
        )

    def _status_and_candidates(self) -> None:
        known = "2017-11-29 20:15:42.738 +0000 UTC"
        times = {UPGRADED: known, LISTED: known, RUNNING: known, UNDATED: "01-01-1900 0:0:0 +0000 UTC"}
        self._step(
            "License status (v1): the first page of 1,000; the next one starts behind lastSeenDeviceId",
            self._documented("GET", f"/v1/licenses/{STATUS}/index/0"),
            200,
            {
                "accountName": STATUS,
                "totalLicenses": 5000,
                "assignedLicenses": 4319,
                "hasMoreData": True,
                "lastSeenDeviceId": 990010000000995,
                "deviceList": [
                    *({"deviceId": device, "assignmentTime": times[device]} for device in sorted(times)),
                    ...,
                ],
            },
        )
        self._step(
            "Cancellation candidates (v2): who is to lose a license first, should the subscription shrink",
            self._documented(
                "POST", f"/v2/licenses/{STATUS}/cancel", {"type": "append", "count": 2, "deviceList": [RUNNING, LISTED]}
            ),
            200,
            {"count": 2, "deviceList": [RUNNING, LISTED]},
        )

    def _campaign(self) -> None:
        self._step(
            "Callbacks (v3): tell the service where this demo listens",
            self._documented("POST", f"/v3/callbacks/{STATUS}", {"url": self._receiver.url}),
            200,
            {"url": self._receiver.url},
        )
        clock = self._step(
            "The test clock, which only the emulator has: campaigns run on days",
            Call("GET", "/control/v1/clock", self._operator),
            200,
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
            "A campaign (v3): new firmware for three simulated devices. It is accepted, and checked a little later",
            self._documented("POST", f"/v3/campaigns/firmware/{STATUS}", body),
            200,
            {"id": UUID, "firmwareName": PACKAGE, "status": "CampaignRequestPending"},
        )
        self._campaign_id = campaign["id"]
        self._step(
            "Let a quarter of an hour pass: all that falls due in it happens now, in order",
            Call("POST", "/control/v1/clock", self._operator, {"advance": "PT15M"}),
            200,
            {"happened": [{"what": "campaign checked", "count": 3, "campaign": self._campaign_id}, ...]},
        )
        self._step(
            "The campaign (v3) runs: one of its devices takes a day",
            self._documented("GET", f"/v3/campaigns/{STATUS}/{self._campaign_id}"),
            200,
            {"id": self._campaign_id, "status": "CampaignScheduled", "make": "Verizon", "model": "Model-B"},
        )

    def _devices_of_the_campaign(self) -> None:
        rows = [
            (UPGRADED, "UpgradeSuccess", "Upgrade completed successfully"),
            (RUNNING, "UpgradeScheduled", "The upgrade has begun, download in progress."),
            (FAILING, "UpgradeFailed", "Installation failed."),
        ]
        self._step(
            "Its devices (v3): one was upgraded, one is at it, one has failed",
            self._documented("GET", f"/v3/reports/{STATUS}/campaigns/{self._campaign_id}/devices"),
            200,
            {
                "totalDevice": 3,
                "hasMoreData": False,
                "deviceList": [{"deviceId": row[0], "status": row[1], "resultReason": row[2]} for row in rows],
            },
        )
        self._step(
            "One device's upgrades in six months (v1): each version tells of the same campaign in its own words",
            self._documented("GET", f"/v1/reports/{STATUS}/devices/{UPGRADED}"),
            200,
            [
                {
                    "deviceId": UPGRADED,
                    "id": self._campaign_id,
                    "accountName": STATUS,
                    "firmwareFrom": "1",
                    "firmwareTo": "2",
                    "status": "UpgradeSuccess",
                    "reason": "success",
                }
            ],
        )

    def _callback(self) -> None:
        self.steps += 1
        heading = "The listener was told on the way; this is what it got of the device that was upgraded"
        self._head(f"{self.steps}. {heading}")
        told = self._receiver.wait_for(_tells_of_the_upgraded)
        if told is None:
            raise WrongAnswer(f"step {self.steps}, {heading}: no such callback came")
        self._say(f"POST {self._receiver.url}\n{pretty(told)}\n")
        self._check_response(heading, differences({"accountName": STATUS, "type": "upgradeProgress"}, told))

    def _used_for_good(self) -> None:
        self._step(
            "Remove (v1) is refused now: only unused licenses can be taken back",
            self._documented("POST", f"/v1/licenses/{STATUS}/remove", {"deviceList": [UPGRADED]}),
            200,
            {
                "licCount": 5000,
                "licUsedCount": 4319,
                "deviceList": [{"deviceId": UPGRADED, "status": "LicenseRemoveFailed", "Reason": NEVER_AGAIN}],
            },
        )

    def _reduction(self) -> None:
        expected = {
            "licenseCount": 4316,
            "need": 3,
            "reclaimed": [LISTED, UNDATED],
            "notice": [RUNNING],
            "canceledUpgrades": [],
            "noticeUntil": TIME,
            "reasons": [
                {"deviceId": RUNNING, "what": "notice", "why": re.compile(".*upgrade ran.*candidate list")},
                {"deviceId": LISTED, "what": "reclaimed", "why": re.compile(".*candidate list")},
                {"deviceId": UNDATED, "what": "reclaimed", "why": re.compile(".*first assigned, first out")},
            ],
        }
        body = {"licenseCount": 4316}
        self._step(
            "The subscription is to shrink from 5000 to 4316 licenses, 4319 are assigned: who would lose one?",
            self._control("PUT", "/subscription?preview=true", body),
            200,
            expected | {"preview": True},
        )
        self._step(
            "Do it: candidates first, then first assigned, first out; a running upgrade keeps its license for a while",
            self._control("PUT", "/subscription", body),
            200,
            expected | {"preview": False},
        )

    def _end(self) -> None:
        reclaimed = {
            "deviceId": LISTED,
            "what": "reclaimed",
            "why": re.compile(".*candidate list"),
            "actor": "operator",
            "usedBefore": 4319,
            "usedAfter": 4318,
            "time": TIME,
        }
        self._step(
            "Why did the device lose its license? The ledger's last line says so",
            self._control("GET", f"/ledger?deviceId={LISTED}"),
            200,
            {"entries": [{"what": "assigned", "deviceId": LISTED}, reclaimed], "hasMoreData": False},
        )
        self._step(
            "The pool: one license above the total, under notice, so that nothing is free",
            self._control("GET", ""),
            200,
            {"name": STATUS, "licenseCount": 4316, "licenseUsedCount": 4317, "underNotice": 1, "free": 0},
        )
        self._step(
            "The audit recomputes every invariant from the rows",
            self._control("GET", "/audit"),
            200,
            {"consistent": True, "checks": list},
        )


def _tells_of_the_upgraded(message: Json) -> bool:
    rows = message.get("upgradeProgress", {}).get("deviceList", [])
    return any((row.get("deviceId"), row.get("status")) == (UPGRADED, "UpgradeSuccess") for row in rows)
