"""Counts rejections in memory until they are written, so that counting costs a request one dictionary look-up."""

from __future__ import annotations

from collections import Counter

from fotapool.store.accounts.rejections import RejectionCount

MAX_COUNTED = 10_000
"""Maximum number of (account, day, reason) triples that wait to be written; further ones are not counted."""


class RejectionCounter:
    """Rejections of each account by day and reason, since they were last drained."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int, str]] = Counter()

    def add(self, account_name: str, day: int, reason: str, rejected: int = 1) -> None:
        key = account_name, day, reason
        if key in self._counts or len(self._counts) < MAX_COUNTED:
            self._counts[key] += rejected

    def drain(self) -> list[RejectionCount]:
        """Returns all counts and clears the counter."""
        counts, self._counts = self._counts, Counter()
        return [RejectionCount(*key, rejected) for key, rejected in counts.items()]

    def restore(self, counts: list[RejectionCount]) -> None:
        """Adds drained counts again, after they could not be written."""
        for count in counts:
            self.add(*count)

    def of_account(self, account_name: str, first_day: int) -> list[RejectionCount]:
        """The account's counts since that day that are not written yet."""
        return [
            RejectionCount(*key, rejected)
            for key, rejected in self._counts.items()
            if key[0] == account_name and key[1] >= first_day
        ]

    def clear(self) -> None:
        self._counts.clear()
