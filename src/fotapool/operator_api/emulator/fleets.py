"""Operations on an account's simulated devices, which only the emulator has."""

from __future__ import annotations

import msgspec

from fotapool.domain.simulation import Fleet
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.simulation.fleets import FleetLine, describe_fleet, list_fleets, replace_fleets
from fotapool.web.operations import Operation


class AccountFleets(msgspec.Struct, forbid_unknown_fields=True):
    """The account's fleets, as in a seed document. A device that is in none of them is not simulated."""

    fleet: list[FleetLine]


async def read_fleets(call: OperatorCall) -> AccountFleets:
    """Read the account's fleets of simulated devices."""
    return _view(await list_fleets(call.context, await call.caller()))


async def change_fleets(call: OperatorCall, given: AccountFleets) -> AccountFleets:
    """Replace the account's fleets of simulated devices."""
    return _view(await replace_fleets(call.context, await call.caller(), given.fleet))


def _view(fleets: list[Fleet]) -> AccountFleets:
    return msgspec.convert({"fleet": [describe_fleet(one) for one in fleets]}, AccountFleets)


_PATH = "/accounts/{name}/fleet"
OPERATIONS = (Operation("GET", _PATH, read_fleets), Operation("PUT", _PATH, change_fleets))
