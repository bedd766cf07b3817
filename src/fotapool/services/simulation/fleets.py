"""Fleets of simulated devices, as seed documents describe them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from fotapool.core.durations import parse_duration_ms
from fotapool.core.timestamps import DAY_MS, MINUTE_MS
from fotapool.domain.errors import Invalid
from fotapool.domain.names import MAX_IMEI, format_device_id, is_device_id
from fotapool.domain.simulation import MAX_FLEETS, Behavior, Fleet, OfflineWindow
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.db.connection import Connection
from fotapool.store.simulation import read_fleets as read_stored_fleets
from fotapool.store.simulation import record_fleets_replaced

MAX_OFFLINE_WINDOWS = 10
MAX_FLEET = 50_000_000
"""Maximum number of devices of one fleet."""
MAX_INTERVAL_MS = 30 * DAY_MS


class OfflineLine(msgspec.Struct, forbid_unknown_fields=True):
    """Hours (UTC) of each day in which a share of the devices is offline; `to` below `from` is on the next day."""

    share: float
    first: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")


class FleetLine(msgspec.Struct, forbid_unknown_fields=True):
    """Simulated devices with consecutive IMEIs: their check-in interval, upgrade duration, and shares of failures."""

    first: str
    count: int
    checkInEvery: str = "PT1H"
    upgradeTakes: str = "PT10M"
    failAtDownload: float = 0.0
    failAtVerify: float = 0.0
    failAtInstall: float = 0.0
    offline: list[OfflineLine] = []
    randomSeed: int = 0

    def to_fleet(self) -> Fleet:
        """The fleet. Raises Invalid that names the wrong member."""
        if not is_device_id(self.first):
            raise Invalid(f"first must be 15 digits, not {self.first[:40]!r}")
        last = int(self.first) + self.count - 1
        if not 0 < self.count <= MAX_FLEET or last > MAX_IMEI:
            raise Invalid(f"count must be from 1 to {MAX_FLEET}, and the last IMEI must have 15 digits")
        every_ms = _whole_minutes("checkInEvery", self.checkInEvery)
        takes_ms = _whole_minutes("upgradeTakes", self.upgradeTakes)
        failing = (self.failAtDownload, self.failAtVerify, self.failAtInstall)
        if any(not 0 <= share <= 1 for share in failing) or sum(failing) > 1:
            raise Invalid("failAtDownload, failAtVerify and failAtInstall must be shares from 0 to 1, and 1 in all")
        if len(self.offline) > MAX_OFFLINE_WINDOWS:
            raise Invalid(f"offline may have at most {MAX_OFFLINE_WINDOWS} windows")
        offline = tuple(_window(line) for line in self.offline)
        return Fleet(int(self.first), last, Behavior(self.randomSeed, every_ms, takes_ms, *failing, offline))


def describe_fleet(fleet: Fleet) -> dict[str, Any]:
    """The members of a FleetLine that describes the fleet."""
    behavior = fleet.behavior
    return {
        "first": format_device_id(fleet.first_imei),
        "count": fleet.last_imei - fleet.first_imei + 1,
        "checkInEvery": f"PT{behavior.check_in_every_ms // MINUTE_MS}M",
        "upgradeTakes": f"PT{behavior.upgrade_takes_ms // MINUTE_MS}M",
        "failAtDownload": behavior.fail_at_download,
        "failAtVerify": behavior.fail_at_verify,
        "failAtInstall": behavior.fail_at_install,
        "offline": [{"from": one.first_hour, "to": one.end_hour, "share": one.share} for one in behavior.offline],
        "randomSeed": behavior.seed,
    }


def _window(line: OfflineLine) -> OfflineWindow:
    if not (0 <= line.first <= 23 and 0 <= line.end <= 24 and line.first != line.end and 0 <= line.share <= 1):
        raise Invalid("an offline window has from (0 to 23), to (0 to 24, another hour) and share (0 to 1)")
    return OfflineWindow(line.first, line.end, line.share)


def _whole_minutes(name: str, text: str) -> int:
    """The duration (ms). Simulated devices act at whole minutes, so that many act in one step. Raises Invalid."""
    duration_ms = parse_duration_ms(name, text)
    if not MINUTE_MS <= duration_ms <= MAX_INTERVAL_MS or duration_ms % MINUTE_MS:
        raise Invalid(f"{name} must be whole minutes, from PT1M to P30D")
    return duration_ms


def read_fleets(lines: Sequence[FleetLine]) -> list[Fleet]:
    """The fleets of an account by IMEI. Raises Invalid, also if two of them overlap."""
    if len(lines) > MAX_FLEETS:
        raise Invalid(f"an account may have at most {MAX_FLEETS} fleets")
    fleets = sorted((line.to_fleet() for line in lines), key=lambda fleet: fleet.first_imei)
    for earlier, later in pairwise(fleets):
        if later.first_imei <= earlier.last_imei:
            raise Invalid(f"the fleets at {earlier.first_imei:015d} and at {later.first_imei:015d} overlap")
    return fleets


async def list_fleets(context: Context, caller: Caller) -> list[Fleet]:
    """The account's fleets, by IMEI."""
    return await context.reader.short(read_stored_fleets, caller.account_id)


async def replace_fleets(context: Context, caller: Caller, lines: Sequence[FleetLine]) -> list[Fleet]:
    """Replaces the account's fleets; returns them by IMEI. Raises Invalid.

    An upgrade whose next step has a time keeps it; its outcome follows the new fleets.
    """
    fleets = read_fleets(lines)

    def change(connection: Connection, now_ms: int) -> None:
        before = {"fleet": [describe_fleet(one) for one in read_stored_fleets(connection, caller.account_id)]}
        record_fleets_replaced(connection, caller.account_id, fleets)
        context.audit.record(connection, now_ms, before, {"fleet": [describe_fleet(one) for one in fleets]})

    await context.writer.submit(DirectCommand(change, caller=caller))
    return fleets
