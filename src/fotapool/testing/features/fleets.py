"""Fleets of simulated devices, as the members of a seed document: which devices behave how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

Fleet = dict[str, Any]
Step = Literal["download", "verify", "install"]
FAILING: dict[Step, str] = {"download": "failAtDownload", "verify": "failAtVerify", "install": "failAtInstall"}


def put_behavior(fleets: Sequence[Fleet], devices: Iterable[str], members: Mapping[str, Any]) -> list[Fleet]:
    """The fleets, in which these devices have a behavior of their own. The other devices stay as they are."""
    runs = _runs(devices)
    remaining = list(fleets)
    for first, last in runs:
        remaining = [part for fleet in remaining for part in _without(fleet, first, last)]
    return [*remaining, *(_fleet(members, first, last) for first, last in runs)]


def behavior_of(fleets: Sequence[Fleet], device: str) -> dict[str, Any]:
    """The members that say how the device behaves; empty if it is not simulated."""
    for fleet in fleets:
        if int(fleet["first"]) <= int(device) < int(fleet["first"]) + fleet["count"]:
            return {name: value for name, value in fleet.items() if name not in ("first", "count")}
    return {}


def failing_at(step: Step) -> dict[str, float]:
    """The shares with which every upgrade fails at this step. Raises ValueError."""
    if step not in FAILING:
        raise ValueError(f"at must be one of {', '.join(FAILING)}, not {step!r}")
    return {member: float(name == step) for name, member in FAILING.items()}


def _runs(devices: Iterable[str]) -> list[tuple[int, int]]:
    """The first and last IMEI of each run of consecutive IMEIs."""
    runs: list[tuple[int, int]] = []
    for imei in sorted({int(device) for device in devices}):
        if runs and imei == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], imei)
        else:
            runs.append((imei, imei))
    return runs


def _without(fleet: Fleet, first: int, last: int) -> list[Fleet]:
    """The parts of the fleet before and after these IMEIs."""
    begin = int(fleet["first"])
    end = begin + fleet["count"] - 1
    parts = ((begin, min(end, first - 1)), (max(begin, last + 1), end))
    if first > end or last < begin:
        return [fleet]
    return [_fleet(fleet, low, high) for low, high in parts if low <= high]


def _fleet(members: Mapping[str, Any], first: int, last: int) -> Fleet:
    return {**members, "first": f"{first:015d}", "count": last - first + 1}
