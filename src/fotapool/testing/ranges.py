"""Names and IMEIs that no other account has, be it made here or by another worker that uses the same server."""

from __future__ import annotations

import itertools
import os
import random

BLOCKS = 10_000
WORKER_BLOCKS = 1_000
"""Blocks below are for the workers of pytest-xdist; who shares a server otherwise draws one above."""
FIRST_IMEI = 99 * 10**13
IMEIS_A_BLOCK = 10**9


class Ranges:
    """Hands out account names and runs of IMEIs of one block."""

    def __init__(self, block: int | None = None) -> None:
        if block is None:
            block = random.SystemRandom().randrange(WORKER_BLOCKS, BLOCKS)
        self.block = block % BLOCKS
        self._accounts = itertools.count(1)
        self._next = FIRST_IMEI + self.block * IMEIS_A_BLOCK

    def account_name(self) -> str:
        """Ten digits and five, as the vendor's names are, leading zeros and all."""
        return f"{self.block:04d}{next(self._accounts):06d}-00001"

    def imeis(self, count: int) -> int:
        """The first IMEI of a run. Raises ValueError when the block has no such run any more."""
        first = self._next
        if first + count > FIRST_IMEI + (self.block + 1) * IMEIS_A_BLOCK:
            raise ValueError(f"one test process has {IMEIS_A_BLOCK:,} IMEIs, and they are used up")
        self._next += count
        return first


def worker_block() -> int:
    """The block of this worker of pytest-xdist; 0 without it."""
    digits = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    return int(digits) % (WORKER_BLOCKS - 1) + 1 if digits.isdigit() else 0
