"""The software under test: moves licenses to the devices that need them."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

BATCH = 1000
"""Devices per request."""


class LicenseRefused(Exception):
    """A device did not get a license; the message has the device and the reason."""


class Licenses:
    """The licenses of one account, using version 3 of the API."""

    def __init__(self, http: httpx.Client, account: str) -> None:
        self._http = http
        self._base = f"/api/fota/v3/licenses/{account}"

    def held(self) -> set[str]:
        """All licensed devices, read page by page."""
        found: set[str] = set()
        cursor = "0"
        while True:
            response = self._http.get(self._base, params={"lastSeenDeviceId": cursor}).raise_for_status()
            page = response.json()
            found |= {row["deviceId"] for row in page["deviceList"]}
            if not page["hasMoreData"]:
                return found
            cursor = page["lastSeenDeviceId"]

    def keep_only(self, wanted: Iterable[str]) -> None:
        """Removes licenses from all other devices, then assigns them to these. Raises LicenseRefused."""
        wanted, held = set(wanted), self.held()
        self._change("remove", sorted(held - wanted))
        self._change("assign", sorted(wanted - held))

    def _change(self, what: str, devices: list[str]) -> None:
        for start in range(0, len(devices), BATCH):
            body = {"deviceList": devices[start : start + BATCH]}
            answer = self._http.post(f"{self._base}/{what}", json=body).raise_for_status().json()
            refused = [row for row in answer["deviceList"] if not row["status"].endswith("Success")]
            if refused:
                raise LicenseRefused(f"{refused[0]['deviceId']}: {refused[0]['resultReason']}")
