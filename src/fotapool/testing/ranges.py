"""Account names and IMEIs that are unique on a server, also if several workers use it."""

from __future__ import annotations

import itertools
import os
import random

BLOCKS = 10_000
WORKER_BLOCKS = 1_000
"""Blocks below are for workers of pytest-xdist; other processes draw a random one above."""
FIRST_IMEI = 99 * 10**13
IMEIS_A_BLOCK = 10**9


class Ranges:
    """Account names and runs of IMEIs within one block."""

    def __init__(self, block: int | None = None) -> None:
        if block is None:
            block = random.SystemRandom().randrange(WORKER_BLOCKS, BLOCKS)
        self.block = block % BLOCKS
        self._accounts = itertools.count(1)
        self._next = FIRST_IMEI + self.block * IMEIS_A_BLOCK

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
