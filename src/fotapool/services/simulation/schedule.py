"""What the simulated devices of an account do next, for those who look at them."""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.domain.simulation import Fleet, is_reachable, last_check_in_ms, next_check_in_ms
from fotapool.services.context import Caller, Context
from fotapool.store.simulation import read_fleets

LOOKED_AT = 20
"""For how many devices of a fleet it is computed when they check in next."""
TOLD = 3
CHECK_INS = 5
TRIES = 50
"""How many check-ins of a device that is away are looked at for one that it makes."""


@dataclass(frozen=True, slots=True)
class FleetSchedule:
    """A fleet, and which of its first LOOKED_AT devices check in next, and when (ms)."""

    fleet: Fleet
    next: list[tuple[int, int]]

    @property
    def devices(self) -> int:
        return self.fleet.last_imei - self.fleet.first_imei + 1


@dataclass(frozen=True, slots=True)
class DeviceOutlook:
    """A simulated device: whether it is in the network now, its last check-ins (newest first), and the next (ms)."""

    imei: int
    fleet: Fleet
    reachable: bool
    past: list[int]
    next: list[int]


async def list_fleet_schedules(
    context: Context, caller: Caller, offset: int, limit: int
) -> tuple[int, list[FleetSchedule]]:
    """How many fleets the account has, and a page of them by IMEI."""
    fleets = await context.reader.short(read_fleets, caller.account_id)
    now_ms = context.clock.now_ms()
    return len(fleets), [FleetSchedule(one, _next(one, now_ms)) for one in fleets[offset : offset + limit]]


async def look_at_device(context: Context, caller: Caller, imei: int) -> DeviceOutlook | None:
    """None for a device that is in no fleet of the account."""
    fleets = await context.reader.short(read_fleets, caller.account_id)
    fleet = next((one for one in fleets if one.first_imei <= imei <= one.last_imei), None)
    if fleet is None:
        return None
    now_ms, behavior = context.clock.now_ms(), fleet.behavior
    past: list[int] = []
    to_come: list[int] = []
    timestamp_ms = last_check_in_ms(behavior, imei, now_ms, TRIES)
    while timestamp_ms is not None and len(past) < CHECK_INS:
        past.append(timestamp_ms)
        timestamp_ms = last_check_in_ms(behavior, imei, timestamp_ms - 1, TRIES)
    timestamp_ms = next_check_in_ms(behavior, imei, now_ms + 1, TRIES)
    while timestamp_ms is not None and len(to_come) < CHECK_INS:
        to_come.append(timestamp_ms)
        timestamp_ms = next_check_in_ms(behavior, imei, timestamp_ms + 1, TRIES)
    return DeviceOutlook(
        imei=imei, fleet=fleet, reachable=is_reachable(behavior, imei, now_ms), past=past, next=to_come
    )


def _next(fleet: Fleet, now_ms: int) -> list[tuple[int, int]]:
    last = min(fleet.last_imei, fleet.first_imei + LOOKED_AT - 1)
    moments = ((next_check_in_ms(fleet.behavior, one, now_ms, TRIES), one) for one in range(fleet.first_imei, last + 1))
    return [(imei, timestamp_ms) for timestamp_ms, imei in sorted((m, i) for m, i in moments if m is not None)[:TOLD]]
