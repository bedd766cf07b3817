"""A second, plain account of the license rules, for one account: what the machine compares the server with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

NEXT_STATES = {
    None: ("scheduled", "inProgress"),
    "scheduled": ("inProgress", "canceled", "failed"),
    "inProgress": ("completed", "failed"),
}


@dataclass
class Device:
    """One device: its license (since when, and the how-manieth it was), its notice, its open upgrade."""

    since: tuple[int, int] | None = None
    used: bool = False
    notice: tuple[int, int] | None = None
    """When (ms) it ends, and the how-manieth it was."""
    upgrade: str | None = None

    def unlicense(self) -> None:
        self.since, self.used, self.notice = None, False, None


@dataclass
class Notice:
    """A notice that was given, and how it ended; times in ms."""

    number: int
    given_ms: int
    until_ms: int
    ended_ms: int | None = None
    withdrawn: bool = False


@dataclass
class Change:
    """What a change of the subscription does."""

    need: int = 0
    reclaimed: list[int] = field(default_factory=list)
    notice: list[int] = field(default_factory=list)
    canceled: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)


class Model:
    """One account. Devices are known by small numbers."""

    def __init__(self, total: int, now_ms: int) -> None:
        self.total = total
        self.now_ms = now_ms
        self.devices: dict[int, Device] = {}
        self.candidates: list[int] = []
        self.suspended = False
        self.buys_events = False
        self.totals = [(now_ms, total)]
        """Since when (ms) the subscription had how many licenses."""
        self.notices: list[Notice] = []
        self.charged: list[tuple[int, int]] = []
        """When (ms) the upgrade of which device was charged."""
        self._count = 0

    @property
    def holders(self) -> dict[int, Device]:
        return {number: one for number, one in self.devices.items() if one.since}

    @property
    def used(self) -> int:
        return len(self.holders)

    @property
    def under_notice(self) -> list[int]:
        """Oldest notice first."""
        found = [(one.notice[1], number) for number, one in self.holders.items() if one.notice]
        return [number for _, number in sorted(found)]

    def _license(self, number: int, at_ms: int) -> None:
        self._count += 1
        self.devices[number].since = (at_ms, self._count)

    def assign(self, numbers: Sequence[int]) -> list[str]:
        return [self._assign(number) for number in numbers]

    def _assign(self, number: int) -> str:
        if number not in self.devices:
            return "Device Not Found."
        if self.devices[number].since:
            return "Device license preexisting"
        if self.used >= self.total:
            return "No unused license available."
        self._license(number, self.now_ms)
        return "Success"

    def remove(self, numbers: Sequence[int]) -> list[str]:
        return [self._remove(number) for number in numbers]

    def _remove(self, number: int) -> str:
        one = self.devices.get(number)
        if one is None:
            return "Device Not Found."
        if one.since is None:
            return "No license attached to device"
        if one.upgrade == "inProgress":
            return "License removal not allowed while a firmware upgrade is in progress."
        if one.used:
            return "License removal not allowed for devices that have ever upgraded firmware."
        if one.notice:
            return "License removal is already under way."
        one.unlicense()
        if one.upgrade == "scheduled":
            one.upgrade = None
        return "Success"

    def set_candidates(self, numbers: Sequence[int], append: bool) -> list[int]:
        merged: list[int] = []
        for number in [*(self.candidates if append else []), *numbers]:
            if number not in merged:
                merged.append(number)
        self.candidates = merged
        return merged

    def _in_order_of_reduction(self) -> Iterator[int]:
        holders = {number: one for number, one in self.holders.items() if not one.notice}
        yield from (number for number in self.candidates if number in holders)
        rest = [(one.since, number) for number, one in holders.items() if number not in self.candidates]
        yield from (number for _, number in sorted(rest, key=lambda pair: pair[0] or (0, 0)))

    def subscribe(self, total: int) -> Change:
        kept = self.used - len(self.under_notice)
        change = Change(need=max(0, kept - total))
        for number in list(self._in_order_of_reduction())[: change.need]:
            one = self.devices[number]
            if one.upgrade == "inProgress":
                change.notice.append(number)
                self._count += 1
                one.notice = (month_after_next_ms(self.now_ms), self._count)
                self.notices.append(Notice(number, self.now_ms, one.notice[0]))
            else:
                change.reclaimed.append(number)
                self._take(number)
                if one.upgrade == "scheduled":
                    change.canceled.append(number)
                    one.upgrade = None
        if not change.need:
            change.withdrawn = self.under_notice[: max(0, total - kept)]
            for number in change.withdrawn:
                self.devices[number].notice = None
                self._close(number, self.now_ms).withdrawn = True
        self.total = total
        self.totals.append((self.now_ms, total))
        return change

    def _close(self, number: int, ended_ms: int) -> Notice:
        notice = next(one for one in self.notices if one.number == number and one.ended_ms is None)
        notice.ended_ms = ended_ms
        return notice

    def _take(self, number: int) -> None:
        self.devices[number].unlicense()
        if number in self.candidates:
            self.candidates.remove(number)

    def upgrade(self, number: int, state: str) -> int:
        """Answers the HTTP status."""
        one = self.devices.get(number)
        if one is None:
            return 404
        if state not in NEXT_STATES[one.upgrade]:
            return 409
        one.upgrade = state if state in NEXT_STATES else None
        if state == "completed" and one.since:
            one.used = True
        elif state == "completed" and self.buys_events:
            self.charged.append((self.now_ms, number))
        if one.upgrade is None:
            self._end_notices(self.now_ms)
        return 200

    def _end_notices(self, upgrade_ended_ms: int = 0) -> None:
        for number in self.under_notice:
            one = self.devices[number]
            if one.notice and one.notice[0] <= self.now_ms and one.upgrade != "inProgress":
                self._close(number, max(one.notice[0], upgrade_ended_ms))
                self._take(number)
                one.upgrade = None  # a scheduled one is canceled

    def move_to(self, timestamp_ms: int) -> None:
        self.now_ms = timestamp_ms
        self._end_notices()

    def import_lines(self, lines: Sequence[tuple[int, int | None]], foreign: int) -> list[int]:
        """Lines are (device, licensed since or None); answers the numbers of the lines that fail, from 1."""
        failed = []
        for line, (number, licensed_ms) in enumerate(lines, start=1):
            holds = number in self.devices and self.devices[number].since is not None
            if number == foreign or (licensed_ms is not None and not holds and self.used >= self.total):
                failed.append(line)
                continue
            self.devices.setdefault(number, Device())
            if licensed_ms is not None and not holds:
                self._license(number, licensed_ms)
        return failed

    def statement(self, from_ms: int, to_ms: int) -> tuple[int, list[int], list[tuple[int, int]]]:
        """What is billed for the month: licenses, devices under notice, charged upgrades (ms, device)."""
        within = [(at_ms, total) for at_ms, total in self.totals if from_ms <= at_ms < to_ms]
        before = [total for at_ms, total in self.totals if at_ms < from_ms]
        if before and (not within or within[0][0] > from_ms):
            within.insert(0, (from_ms, before[-1]))
        notice = [
            one.number
            for one in self.notices
            if one.given_ms < from_ms
            and (one.ended_ms is None or one.ended_ms > from_ms)
            and not (one.withdrawn and one.ended_ms is not None and one.ended_ms < to_ms)
        ]
        events = [(at_ms, number) for at_ms, number in self.charged if from_ms <= at_ms < to_ms]
        return max(total for _, total in within), sorted(notice), events


def month_after_next_ms(now_ms: int) -> int:
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    months = now.year * 12 + now.month - 1 + 2
    return int(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)
