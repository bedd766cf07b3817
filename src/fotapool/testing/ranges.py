"""Account names and IMEIs that are unique on a server, also if several workers use it."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable

BLOCKS = 10_000
WORKER_BLOCKS = 1_000
"""Blocks below are for workers of pytest-xdist; other processes draw a random one above."""
FIRST_IMEI = 99 * 10**13
IMEIS_A_BLOCK = 10**9
MAX_CHANGES = 100
"""Blocks that are tried on a server that many other test runs have used."""


def random_block() -> int:
    return random.SystemRandom().randrange(WORKER_BLOCKS, BLOCKS)


class Ranges:
    """Account names and runs of IMEIs within one block: a block that is given, or one that no other process uses.

    The process whose account is created first claims the block on that server.
    """

    def __init__(self, block: int | None = None, draw: Callable[[], int] = random_block) -> None:
        self.is_claimed = block is not None
        self._draw = draw
        self._changes_left = MAX_CHANGES
        self._begin(draw() if block is None else block)

    def _begin(self, block: int) -> None:
        self.block = block % BLOCKS
        self._accounts = itertools.count(1)
        self._next = FIRST_IMEI + self.block * IMEIS_A_BLOCK

    def change_block(self) -> bool:
        """Draws another block; False if this one is claimed, or after MAX_CHANGES."""
        if self.is_claimed or not self._changes_left:
            return False
        self._changes_left -= 1
        self._begin(self._draw())
        return True

    def account_name(self) -> str:
        """A name in the vendor's format: ten digits and five."""
        return f"{self.block:04d}{next(self._accounts):06d}-00001"

    def imeis(self, count: int) -> int:
        """The first IMEI of a run of `count`. Raises ValueError if the block is used up."""
        first = self._next
        if first + count > FIRST_IMEI + (self.block + 1) * IMEIS_A_BLOCK:
            raise ValueError(f"all {IMEIS_A_BLOCK:,} IMEIs of this test process are used up")
        self._next += count
        return first


def worker_block() -> int:
    """The block of this pytest-xdist worker; 0 without pytest-xdist."""
    digits = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    return int(digits) % (WORKER_BLOCKS - 1) + 1 if digits.isdigit() else 0
