"""The schedule of an account's simulated devices: their last and next check-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fotapool.domain.simulation import Fleet, is_reachable, last_check_in_ms, next_check_in_ms
from fotapool.services.context import Caller, Context
from fotapool.store.simulation import read_fleets

MAX_COMPUTED = 20
"""Number of devices of a fleet whose next check-in is computed."""
SHOWN = 3
CHECK_INS = 5
TRIES = 50
"""Maximum number of check-ins of an offline device that are skipped to find one that it makes."""


class FleetSchedule(NamedTuple):
    """A fleet, and the next check-ins (IMEI, ms) among its first MAX_COMPUTED devices."""

    fleet: Fleet
    next: list[tuple[int, int]]

    @property
    def devices(self) -> int:
        return self.fleet.last_imei - self.fleet.first_imei + 1


class DeviceSchedule(NamedTuple):
    """A simulated device: whether it is reachable now, its last check-ins (newest first) and its next ones (ms)."""

    imei: int
    fleet: Fleet
    reachable: bool
    past: list[int]
    next: list[int]


async def list_fleet_schedules(
    context: Context, caller: Caller, offset: int, limit: int
) -> tuple[int, list[FleetSchedule]]:
    """The number of the account's fleets, and a page of them by IMEI."""
    fleets = await context.reader.short(read_fleets, caller.account_id)
    now_ms = context.clock.now_ms()
    return len(fleets), [FleetSchedule(one, _next(one, now_ms)) for one in fleets[offset : offset + limit]]


async def get_device_schedule(context: Context, caller: Caller, imei: int) -> DeviceSchedule | None:
    """The schedule of a device, or None if it is in no fleet of the account."""
    fleets = await context.reader.short(read_fleets, caller.account_id)
    fleet = next((one for one in fleets if one.first_imei <= imei <= one.last_imei), None)
    if fleet is None:
        return None
    now_ms, behavior = context.clock.now_ms(), fleet.behavior
    return DeviceSchedule(
        imei=imei,
        fleet=fleet,
        reachable=is_reachable(behavior, imei, now_ms),
        past=_series(lambda at_ms: last_check_in_ms(behavior, imei, at_ms, TRIES), now_ms, -1),
        next=_series(lambda at_ms: next_check_in_ms(behavior, imei, at_ms, TRIES), now_ms + 1, 1),
    )


def _series(find: Callable[[int], int | None], from_ms: int, step_ms: int) -> list[int]:
    """Up to CHECK_INS check-ins (ms), each found from the one before."""
    found: list[int] = []
    while len(found) < CHECK_INS and (at_ms := find(from_ms)) is not None:
        found.append(at_ms)
        from_ms = at_ms + step_ms
    return found


def _next(fleet: Fleet, now_ms: int) -> list[tuple[int, int]]:
    last = min(fleet.last_imei, fleet.first_imei + MAX_COMPUTED - 1)
    found = ((next_check_in_ms(fleet.behavior, one, now_ms, TRIES), one) for one in range(fleet.first_imei, last + 1))
    return [
        (imei, at_ms) for at_ms, imei in sorted((at_ms, imei) for at_ms, imei in found if at_ms is not None)[:SHOWN]
    ]
