"""Polls a campaign until it has ended: its status, and the number of devices by status."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fotapool.cli.client.failures import SOME_REFUSED
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_json_lines, print_table

if TYPE_CHECKING:
    from fotapool.cli.client.http.api_client import ApiClient

ENDED = {"CampaignEnded", "CampaignCancelled", "CampaignAborted", "CampaignFailed", "CampaignRequestFailed"}
SUCCESS = "UpgradeSuccess"
BAR = 40


def read_devices_of(api: ApiClient, account: str, campaign: str, version: str) -> Iterator[dict[str, Any]]:
    """The campaign's devices, by IMEI."""
    path = f"/{version}/reports/{account}/campaigns/{segment(campaign)}/devices"
    return api.pages(path, "deviceList", "lastSeenDeviceId")


class Watch:
    """Polls one campaign and prints its progress."""

    def __init__(self, api: ApiClient, account: str, campaign: str, version: str, as_json: bool) -> None:
        self._api = api
        self._account = account
        self._campaign = campaign
        self._version = version
        self._as_json = as_json
        self._shown: Any = None

    def run(self, every_s: int, once: bool) -> int:
        """Returns the exit code. Ctrl-C only ends the polling, not the campaign."""
        while True:
            found = self._poll()
            self._show(found)
            if found["status"] in ENDED:
                return 0 if set(found["devices"]) <= {SUCCESS} else SOME_REFUSED
            if once:
                return 0
            time.sleep(every_s)

    def _poll(self) -> dict[str, Any]:
        campaign = self._api.call("GET", f"/{self._version}/campaigns/{self._account}/{segment(self._campaign)}")
        rows = read_devices_of(self._api, self._account, self._campaign, self._version)
        counts = Counter(row["status"] for row in rows)
        return {"id": campaign["id"], "status": campaign["status"], "devices": dict(sorted(counts.items()))}

    def _show(self, found: dict[str, Any]) -> None:
        if self._as_json:
            print_json_lines([found])
        elif found != self._shown:
            if self._shown is not None and sys.stdout.isatty():
                lines = len(self._shown["devices"]) + 2
                sys.stdout.write(f"\x1b[{lines}A\x1b[J")
            self._print(found)
        self._shown = found

    def _print(self, found: dict[str, Any]) -> None:
        total = sum(found["devices"].values())
        print(f"{found['status']}, {total:,} devices", flush=True)  # noqa: T201
        rows = [
            {"status": status, "devices": count, "share": "█" * round(BAR * count / total)}
            for status, count in found["devices"].items()
        ]
        print_table(rows, "status devices share")
