"""What tests of campaigns share: an account with simulated devices and a package that fits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fotapool.domain.campaigns.campaigns import Campaign, Flow
from fotapool.domain.devices.devices import Device
from fotapool.domain.names import PurchaseType
from fotapool.domain.packages import NewPackage
from fotapool.domain.simulation import Behavior, Fleet, OfflineWindow
from fotapool.services.accounts.accounts import create_account
from fotapool.services.campaigns.campaigns import NewCampaign, schedule_campaign
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import import_devices
from fotapool.store.db.connection import Connection
from fotapool.store.packages.packages import record_packages
from fotapool.store.simulation import record_fleets
from support.helpers import NOW_MS

FIRST = 990_000_000_000_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
RELIABLE = Behavior(seed=1)
FLAKY = Behavior(
    seed=7, fail_at_download=0.1, fail_at_verify=0.05, fail_at_install=0.05, offline=(OfflineWindow(22, 6, 0.3),)
)


def package(name: str = "p-1-2", protocol: str = "LWM2M", versions: tuple[str, str] = ("1", "2")) -> NewPackage:
    return NewPackage(name, "Make", "Model", *versions, protocol, NOW_MS, pilot_passed=True)


@dataclass(frozen=True)
class World:
    """An account, named by its caller, with `devices` devices of one model."""

    context: Context
    caller: Caller
    devices: Sequence[int]

    async def fetch(self, sql: str, **params: Any) -> list[Any]:
        return await self.context.reader.long(lambda connection: connection.fetch(sql, params))

    async def schedule(self, flow: Flow = Flow.NETWORK_AWARE, **wanted: Any) -> Campaign:
        """A campaign of all devices, from tomorrow for three days unless something else is wanted."""
        values: dict[str, Any] = {
            "package": "p-1-2",
            "start_date": "2026-03-11",
            "end_date": "2026-03-13",
            "devices": self.devices,
            **wanted,
        }
        return await schedule_campaign(self.context, self.caller, NewCampaign(flow, **values))

    async def statuses(self) -> dict[tuple[int, int], int]:
        """How many upgrades are in each status, for each reason."""
        rows = await self.fetch("SELECT status, reason, count(*) FROM upgrade GROUP BY status, reason")
        return {(status, reason): count for status, reason, count in rows}


async def make_world(
    context: Context,
    name: str = "0242078689-00001",
    devices: int = 30,
    licensed: int | None = None,
    total: int | None = None,
    purchase_type: PurchaseType = PurchaseType.MRC,
    behavior: Behavior | None = RELIABLE,
    first: int = FIRST,
    protocol: str = "LWM2M",
) -> World:
    """An account whose first `licensed` devices (all by default) hold a license; simulated unless behavior is None."""
    count = devices if licensed is None else licensed
    account = await create_account(context, name, purchase_type, count if total is None else total)
    caller = Caller("tester", "request-1", account.id, name)
    imeis = list(range(first, first + devices))
    lines = [
        Device(
            device=imei,
            make="Make",
            model="Model",
            firmware="1",
            protocol=protocol,
            licensed_ms=NOW_MS if place < count else None,
        )
        for place, imei in enumerate(imeis)
    ]
    for start in range(0, devices, 2_000):
        await import_devices(context, caller, lines[start : start + 2_000])

    def prepare(connection: Connection, now_ms: int) -> None:
        if not connection.fetch("SELECT 1 FROM package"):
            record_packages(connection, [package(protocol=protocol), package("p-2-3", protocol, ("2", "3"))])
        if behavior is not None:
            record_fleets(connection, account.id, [Fleet(first, first + devices - 1, behavior)])

    await context.writer.submit(DirectCommand(prepare))
    return World(context, caller, imeis)
