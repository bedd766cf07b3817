"""What the tests of the devices' edge share: a device that has a key and calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from fotapool.domain.campaigns.campaigns import Flow
from fotapool.services.campaigns.campaigns import NewCampaign, schedule_campaign
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import read_account
from fotapool.store.db.reader import Reader
from fotapool.store.db.writer import Writer
from support.helpers import ACCOUNT, SEED, Api, device


@dataclass(frozen=True)
class Device:
    """A device with its key."""

    api: Api
    key: str
    device_id: str

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Accept-Encoding": "gzip", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.api.http.request(method, f"/device/v1/{self.device_id}{path}", headers=headers, **options)

    def check_in(self, **body: str) -> dict[str, Any]:
        response = self.call("POST", "/check-in", body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def report(self, upgrade_id: str, status: str, **more: str) -> httpx.Response:
        return self.call("POST", f"/upgrades/{upgrade_id}/status", {"status": status, **more})


def make_key(api: Api, name: str = "all", account: str = ACCOUNT, **body: str) -> str:
    response = api.control("POST", f"/accounts/{account}/device-keys", {"name": name, **body})
    assert response.status_code == 201, response.text
    key: str = response.json()["key"]
    return key


def calling(api: Api, number: int = 0) -> Device:
    """The seed's device by number, with a key of its own."""
    return Device(api, make_key(api, f"of {number}", deviceId=device(number)), device(number))


def refused(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    assert response.headers["x-request-id"]
    return response.status_code, problem["detail"]


PACKAGE = {
    "firmwareName": "FOTA_Verizon_Model-A_01To02_HF",
    "make": "Verizon",
    "model": "Model-A",
    "fromVersion": "1",
    "toVersion": "2",
    "protocol": "HTTP",
}
SEED_HTTP: dict[str, Any] = {
    **SEED,
    "accounts": [
        {
            "name": ACCOUNT,
            "licenseCount": 5,
            "devices": [
                {
                    "first": device(0),
                    "count": 20,
                    "make": "Verizon",
                    "model": "Model-A",
                    "firmware": "1",
                    "protocol": "HTTP",
                    "licensed": 5,
                }
            ],
        },
        SEED["accounts"][1],
    ],
    "firmware": [PACKAGE],
}
"""The examples' account with licensed devices that speak HTTP, and a package for them."""


def set_content(api: Api, content: bytes) -> None:
    response = api.control(
        "PUT",
        f"/firmware/{PACKAGE['firmwareName']}/content",
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert response.status_code == 200, response.text


def schedule(api: Api, *numbers: int, **more: Any) -> None:
    """Schedules a campaign of devices that pull, as another server would, and lets the engine check it."""
    asked: dict[str, Any] = {
        "flow": Flow.PULL,
        "package": PACKAGE["firmwareName"],
        "start_date": "2026-03-10",
        "devices": [int(device(number)) for number in numbers],
        **more,
    }

    async def ask() -> None:
        database = api.server.database
        reader, writer = Reader(database), Writer(database, api.server.clock.now_ms)
        try:
            account = await reader.short(read_account, ACCOUNT)
            assert account is not None
            caller = Caller("tester", "test", account.id, account.name)
            await schedule_campaign(
                Context(api.server.settings, api.server.clock, reader, writer), caller, NewCampaign(**asked)
            )
        finally:
            await writer.stop()
            reader.stop()

    asyncio.run(ask())
    api.advance("PT10S")
