"""Slows down repeated failures to sign in, and limits the rate of requests, by key and in bounded memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from fotapool.core.bounded import BoundedDict
from fotapool.core.logs.events import Log, LogEvent

log = Log(__name__)

MAX_REMEMBERED = 10_000
FAILURES = 20
"""How many failures are free, for each address and for each name from an address."""
REFILL_S = 2.0
"""Seconds after which one more failure is free."""
DELAY_S = 1.0
"""The default of `--failed-sign-in-delay-s`."""
ANSWERS_A_DELAY = 20
"""How many of the delayed refusals of a process are answered in the time of one delay."""
MAX_DELAY_S = 30.0


class Throttled(Exception):
    """Too many failures; `retry_after_s` says when to try again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failures to sign in; try again in {retry_after_s} seconds")
        self.retry_after_s = retry_after_s


class FailureThrottle:
    """Counts failures by key. Each key may fail `failures` times at once, then once every `refill_s` seconds.

    `failures` of 0 turns it off. `on_failure` is called for each failure, also then.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        refill_s: float = REFILL_S,
        now_s: Callable[[], float] = time.monotonic,
        delay_s: float = DELAY_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._failures = failures
        self._refill_s = refill_s
        self._now_s = now_s
        self._delay_s = delay_s
        self._sleep = sleep
        self._next_answer_s = 0.0
        """When the next delayed refusal may be answered."""
        self._on_failure = on_failure
        self._free_at_s: BoundedDict[str, float] = BoundedDict(MAX_REMEMBERED)
        """When all failures of a key are forgotten."""
        self._right: BoundedDict[bytes, bool] = BoundedDict(MAX_REMEMBERED)

    def remember(self, digest: bytes) -> None:
        """Remembers a key that was right, which is not slowed down."""
        self._right[digest] = True

    def knows(self, digest: bytes) -> bool:
        """Whether the key was right before."""
        return digest in self._right

    def check(self, *keys: str) -> None:
        """Raises Throttled if one of the keys has failed too often."""
        who = max(reversed(keys), key=lambda key: self._free_at_s.get(key, 0.0))
        wait_s = self._wait_s(who)
        if wait_s > 0:
            log.write(LogEvent.SIGN_INS_THROTTLED, who=who, seconds=int(wait_s) + 1)
            raise Throttled(int(wait_s) + 1)

    def failed(self, *keys: str) -> None:
        """Counts a failure of each key."""
        self._on_failure()
        self._count(*keys)

    async def delay_answer(self, address: str) -> None:
        """Counts a request that was refused before sign-in, and waits if its address has too many of them.

        A client that repeats refused requests as fast as they are answered would take the time of all others. The more
        of them wait, the longer each waits, so that their number a second is bounded.
        """
        key = f"refused {address}"
        self._count(key)
        if self._wait_s(key) > 0:
            now_s = self._now_s()
            answer_s = min(max(now_s + self._delay_s, self._next_answer_s), now_s + MAX_DELAY_S)
            self._next_answer_s = answer_s + self._delay_s / ANSWERS_A_DELAY
            await self._sleep(answer_s - now_s)

    def _count(self, *keys: str) -> None:
        if self._failures:
            now_s = self._now_s()
            for key in keys:
                self._free_at_s[key] = max(self._free_at_s.get(key, now_s), now_s) + self._refill_s

    def _wait_s(self, key: str) -> float:
        """How long until the key may fail again, in seconds; 0 or less if it may now."""
        now_s = self._now_s()
        return (
            self._free_at_s.get(key, now_s) - now_s - (self._failures - 1) * self._refill_s if self._failures else 0.0
        )


class RateLimit:
    """Admits `requests_per_s` requests of each key on average, `burst` at once (the generic cell rate algorithm).

    For each key it stores one number: when its next request is due at the even rate. Times are arguments. Beyond
    MAX_REMEMBERED keys, it forgets the one that has been idle longest.
    """

    def __init__(self, requests_per_s: float, burst: int) -> None:
        self._interval_s = 1 / requests_per_s
        self._early_s = (burst - 1) * self._interval_s
        self._due_s: BoundedDict[str, float] = BoundedDict(MAX_REMEMBERED)

    def wait_s(self, key: str, now_s: float) -> float:
        """How long until the key may make a request, in seconds; 0 or less if it may now."""
        return self._due_s.get(key, now_s) - now_s - self._early_s

    def take(self, key: str, now_s: float) -> None:
        """Counts a request of the key."""
        self._due_s[key] = max(self._due_s.get(key, now_s), now_s) + self._interval_s
