"""The members of the mark `fotapool`, which say what a test's account has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

MAX_DEVICES = 1_000_000
"""More would keep the server, which all tests share, busy for minutes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The contents of a test's account. `devices` is a number, or a list of devices as in a seed document."""

    licenses: int = 10
    devices: int | Sequence[dict[str, Any]] = 10
    licensed: int = 0
    """How many of the devices, from the first on, hold a license; only if `devices` is a number."""
    make: str = "Verizon"
    model: str = "Model-A"
    firmware: str = "1"
    protocol: str = "LWM2M"
    purchase_type: str = "TS-HFOTA-MRC"
    packages: Sequence[dict[str, Any]] = field(default_factory=tuple)
    """Firmware packages, as in a seed document. All accounts share them, so their names must be unique."""
    fleet: Mapping[str, Any] | None = None
    """How the devices behave: members of a fleet in a seed document, without `first` and `count`.

    None: they are not simulated, and their upgrades stay scheduled.
    """
    copy_of: str | None = None
    """Name of an account to copy. All other options but `packages` are ignored."""

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError that names the member."""
        for name in ("licenses", "licensed"):
            _check_number(name, getattr(self, name))
        if isinstance(self.devices, (str, bytes, Mapping)) or not isinstance(self.devices, (int, Sequence)):
            raise TypeError(f"devices must be a number, or a list of devices, not {self.devices!r}")
        if isinstance(self.devices, int):
            _check_number("devices", self.devices)
            check_licensed(self.licensed, self.devices)
        elif self.licensed:
            raise ValueError("licensed needs a number of devices; in a list, each device has its own member licensed")
        check_fleet(self.fleet)
        if self.copy_of is None and self.licensed > self.licenses:
            raise ValueError(f"licensed={self.licensed} is more than licenses={self.licenses}")


def read_options(given: Mapping[str, Any]) -> Options:
    """The options with these members. Raises TypeError or ValueError that names a wrong one."""
    known = [one.name for one in fields(Options)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]}?" if near else "."
            raise TypeError(f"an account has no member {name}{meant} Known: {', '.join(known)}")
    return Options(**given)


def check_fleet(fleet: Any) -> None:
    """Raises TypeError or ValueError."""
    if fleet is not None and not isinstance(fleet, Mapping):
        raise TypeError(f"fleet must have the members of a fleet, as in {{'failAtInstall': 0.2}}, not {fleet!r}")
    if fleet is not None and not fleet.keys().isdisjoint(("first", "count")):
        raise ValueError("fleet has no first and no count: it is all devices of the account")


def check_licensed(licensed: int, devices: int) -> None:
    """Raises ValueError."""
    if licensed > devices:
        raise ValueError(f"licensed={licensed} is more than devices={devices}")


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if value < 0:
        raise ValueError(f"{name} must not be below 0, but is {value}")
    if name == "devices" and value > MAX_DEVICES:
        raise ValueError(f"devices must be at most {MAX_DEVICES:,}, but is {value:,}")
