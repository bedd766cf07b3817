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
class Happened:
    """One thing that happened while the clock was moved, to how many devices, and the first hundred of them."""

    time: datetime
    what: str
    count: int
    devices: list[str]
    campaign: str | None


def read_pool(view: dict[str, Any]) -> Pool:
    return Pool(view["licenseCount"], view["licenseUsedCount"], view["free"], view["underNotice"], view["candidates"])


def read_entry(view: dict[str, Any]) -> Entry:
    return Entry(
        view["number"], datetime.fromisoformat(view["time"]), view["actor"], view["deviceId"], view["what"],
        view["why"], view["usedBefore"], view["usedAfter"],
    )  # fmt: skip


def read_happened(view: dict[str, Any]) -> Happened:
    return Happened(
        datetime.fromisoformat(view["time"]), view["what"], view["count"], view["devices"], view.get("campaign")
    )
