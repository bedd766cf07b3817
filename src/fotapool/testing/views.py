"""Responses of the operator API as plain values that compare and print well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class AccountPool:
    """License counts of an account."""

    total: int
    used: int
    free: int
    under_notice: int
    candidates: int


@dataclass(frozen=True)
class LedgerLine:
    """One entry of the ledger."""

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
class AdvanceEvent:
    """An event that was due while the clock was moved: the number of devices, and the first hundred of them."""

    time: datetime
    what: str
    count: int
    devices: list[str]
    campaign: str | None


def read_pool(view: dict[str, Any]) -> AccountPool:
    return AccountPool(
        total=view["licenseCount"],
        used=view["licenseUsedCount"],
        free=view["free"],
        under_notice=view["underNotice"],
        candidates=view["candidates"],
    )


def read_ledger_line(view: dict[str, Any]) -> LedgerLine:
    return LedgerLine(
        number=view["number"],
        time=datetime.fromisoformat(view["time"]),
        actor=view["actor"],
        device=view["deviceId"],
        what=view["what"],
        why=view["why"],
        used_before=view["usedBefore"],
        used_after=view["usedAfter"],
    )


def read_event(view: dict[str, Any]) -> AdvanceEvent:
    return AdvanceEvent(
        time=datetime.fromisoformat(view["time"]),
        what=view["what"],
        count=view["count"],
        devices=view["devices"],
        campaign=view.get("campaign"),
    )
