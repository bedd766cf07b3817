"""What the operator plane tells, as plain values that compare and print well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Pool:
    """An account's licenses."""

    total: int
    used: int
    free: int
    under_notice: int
    candidates: int


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    number: int
    time: datetime
    actor: str
    device: str
    what: str
    why: str
    used_before: int
    used_after: int

    def __str__(self) -> str:
        return f"{self.what} {self.device}  used {self.used_before} -> {self.used_after}  ({self.why})"


@dataclass(frozen=True)
class ClockEvent:
    """One thing that happened while the clock was moved, to how many devices, and the first hundred of them."""

    time: datetime
    what: str
    count: int
    devices: list[str]
    campaign: str | None


def read_pool(view: dict[str, Any]) -> Pool:
    return Pool(
        total=view["licenseCount"],
        used=view["licenseUsedCount"],
        free=view["free"],
        under_notice=view["underNotice"],
        candidates=view["candidates"],
    )


def read_entry(view: dict[str, Any]) -> Entry:
    return Entry(
        number=view["number"],
        time=datetime.fromisoformat(view["time"]),
        actor=view["actor"],
        device=view["deviceId"],
        what=view["what"],
        why=view["why"],
        used_before=view["usedBefore"],
        used_after=view["usedAfter"],
    )


def read_clock_event(view: dict[str, Any]) -> ClockEvent:
    return ClockEvent(
        time=datetime.fromisoformat(view["time"]),
        what=view["what"],
        count=view["count"],
        devices=view["devices"],
        campaign=view.get("campaign"),
    )
