"""Counts refusals in memory until they are written: what a request pays for being counted is one look-up."""

from __future__ import annotations

from fotapool.store.accounts.rejections import RejectionCount

MAX_COUNTED = 10_000
"""How many accounts, days and reasons wait to be written at most; further ones are not counted."""

Key = tuple[str, int, str]


class RejectionCounter:
    """How often each account was refused something, by day and reason, since it was last taken."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}

    def add(self, account_name: str, day: int, reason: str, rejected: int = 1) -> None:
        key = account_name, day, reason
        if key in self._counts or len(self._counts) < MAX_COUNTED:
            self._counts[key] = self._counts.get(key, 0) + rejected

    def take(self) -> list[RejectionCount]:
        """Everything counted so far; the tally is empty then."""
        counts, self._counts = self._counts, {}
        return [RejectionCount(*key, rejected) for key, rejected in counts.items()]

    def put_back(self, counts: list[RejectionCount]) -> None:
        """Counts again what could not be written."""
        for count in counts:
            self.add(*count)

    def waiting(self, account_name: str, first_day: int) -> list[RejectionCount]:
        """What is not written yet of the account, since that day."""
        return [
            RejectionCount(name, day, reason, rejected)
            for (name, day, reason), rejected in self._counts.items()
            if name == account_name and day >= first_day
        ]

    def clear(self) -> None:
        self._counts = {}
