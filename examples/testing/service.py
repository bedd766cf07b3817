"""The service under test: upgrades devices with a campaign. It has the vendor's address built in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

VENDOR = "https://thingspace.verizon.com"
ATTEMPTS = 3
"""Requests that are answered with 429 or 5xx are sent again, up to this many times in all."""


@dataclass(frozen=True)
class Credentials:
    """The OAuth client and the user of an account."""

    account: str
    key: str
    secret: str
    username: str
    password: str


@dataclass(frozen=True)
class Package:
    """Firmware that takes a model from one version to another."""

    name: str
    make: str
    model: str
    from_version: str
    to_version: str


class RolloutFailed(Exception):
    """The service refused a request; the message has its answer."""


class Rollout:
    """`with Rollout(credentials) as rollout: rollout.start(…)`"""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._http = httpx.Client(base_url=VENDOR, timeout=60)

    def __enter__(self) -> Rollout:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def start(self, package: Package, devices: Sequence[str], first: date, last: date) -> str:
        """Assigns licenses to the devices and schedules their campaign; returns its id. Raises RolloutFailed."""
        account = self._credentials.account
        self._sign_in()
        answer = self._send("POST", f"/v3/licenses/{account}/assign", {"deviceList": list(devices)})
        check_assigned(answer)
        campaign = campaign_of(package, devices, first, last)
        return str(self._send("POST", f"/v3/campaigns/firmware/{account}", campaign)["id"])

    def results(self, campaign: str) -> dict[str, str]:
        """The status of each device. Raises RolloutFailed."""
        self._sign_in()
        answer = self._send("GET", f"/v3/reports/{self._credentials.account}/campaigns/{campaign}/devices")
        return {row["deviceId"]: row["status"] for row in answer["deviceList"]}

    def _sign_in(self) -> None:
        given = self._credentials
        form = {"grant_type": "client_credentials"}
        token = checked(self._http.post("/api/ts/v1/oauth2/token", data=form, auth=(given.key, given.secret)))
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"
        user = {"username": given.username, "password": given.password}
        session = checked(self._http.post("/api/m2m/v1/session/login", json=user))
        self._http.headers["VZ-M2M-Token"] = session["sessionToken"]

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(ATTEMPTS):
            response = self._http.request(method, f"/api/fota{path}", json=body)
            if not is_temporary(response):
                break
        return checked(response)


class AsyncRollout:
    """The same for asyncio: `async with AsyncRollout(credentials) as rollout: await rollout.start(…)`"""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._http = httpx.AsyncClient(base_url=VENDOR, timeout=60)

    async def __aenter__(self) -> AsyncRollout:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def start(self, package: Package, devices: Sequence[str], first: date, last: date) -> str:
        """As `Rollout.start`."""
        account = self._credentials.account
        await self._sign_in()
        answer = await self._send("POST", f"/v3/licenses/{account}/assign", {"deviceList": list(devices)})
        check_assigned(answer)
        campaign = campaign_of(package, devices, first, last)
        return str((await self._send("POST", f"/v3/campaigns/firmware/{account}", campaign))["id"])

    async def results(self, campaign: str) -> dict[str, str]:
        """As `Rollout.results`."""
        await self._sign_in()
        answer = await self._send("GET", f"/v3/reports/{self._credentials.account}/campaigns/{campaign}/devices")
        return {row["deviceId"]: row["status"] for row in answer["deviceList"]}

    async def _sign_in(self) -> None:
        given = self._credentials
        form = {"grant_type": "client_credentials"}
        token = checked(await self._http.post("/api/ts/v1/oauth2/token", data=form, auth=(given.key, given.secret)))
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"
        user = {"username": given.username, "password": given.password}
        session = checked(await self._http.post("/api/m2m/v1/session/login", json=user))
        self._http.headers["VZ-M2M-Token"] = session["sessionToken"]

    async def _send(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(ATTEMPTS):
            response = await self._http.request(method, f"/api/fota{path}", json=body)
            if not is_temporary(response):
                break
        return checked(response)


def campaign_of(package: Package, devices: Sequence[str], first: date, last: date) -> dict[str, Any]:
    """The body that schedules a campaign of version 3."""
    return {
        "campaignName": package.name,
        "firmwareName": package.name,
        "firmwareFrom": package.from_version,
        "firmwareTo": package.to_version,
        "protocol": "LWM2M",
        "make": package.make,
        "model": package.model,
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "deviceList": list(devices),
    }


def check_assigned(answer: dict[str, Any]) -> None:
    """Raises RolloutFailed with the devices that got no license."""
    refused = [row for row in answer["deviceList"] if not row["status"].endswith("Success")]
    if refused:
        raise RolloutFailed(", ".join(f"{row['deviceId']}: {row['resultReason']}" for row in refused))


def is_temporary(response: httpx.Response) -> bool:
    return response.status_code == 429 or response.status_code >= 500


def checked(response: httpx.Response) -> Any:
    """The JSON of a successful response. Raises RolloutFailed."""
    if response.is_error:
        raise RolloutFailed(f"{response.request.url.path} returned {response.status_code}: {response.text}")
    return response.json()
