"""The rates at which API clients and users may make requests. Each process of a server counts by itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.settings import Settings
from fotapool.core.telemetry.definitions import LIMITS, RATE_LIMITED
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.throttle import RateLimit
from fotapool.domain.errors import ErrorCode, RequestRejected

log = Log(__name__)

CLIENT, USER = LIMITS
EVEN_S = 1e-6
"""Less than this is no wait: times are fractions, which do not add up exactly."""


class RateLimits:
    """The limits of the settings; times are those of a monotonic clock."""

    def __init__(self, limits: dict[str, RateLimit], metrics: Metrics, now_s: Callable[[], float]) -> None:
        self._limits = limits
        self._metrics = metrics
        self._now_s = now_s

    def take(self, client: str | None, user: str | None) -> None:
        """Counts a request of a client and a user. Raises RequestRejected(RATE_LIMITED), and counts none then."""
        now_s = self._now_s()
        given = ((self._limits.get(CLIENT), CLIENT, client), (self._limits.get(USER), USER, user))
        counted = [(limit, kind, name) for limit, kind, name in given if limit is not None and name is not None]
        for limit, kind, name in counted:
            wait_s = limit.wait_s(name, now_s)
            if wait_s > EVEN_S:
                raise self._rejected(kind, name, math.ceil(wait_s - EVEN_S))
        for limit, _, name in counted:
            limit.take(name, now_s)

    def _rejected(self, kind: str, name: str, retry_after_s: int) -> RequestRejected:
        log.write(LogEvent.RATE_LIMITED, who=f"{kind} {name}", seconds=retry_after_s)
        self._metrics.count(RATE_LIMITED, kind)
        return RequestRejected(ErrorCode.RATE_LIMITED, kind, retry_after_s=retry_after_s)


def rate_limits(settings: Settings, metrics: Metrics, now_s: Callable[[], float] = time.monotonic) -> RateLimits | None:
    """The limits of the settings; None if there are none."""
    rates = {
        CLIENT: (settings.client_requests_per_s, settings.client_burst),
        USER: (settings.user_requests_per_s, settings.user_burst),
    }
    limits = {kind: RateLimit(rate, burst or rate) for kind, (rate, burst) in rates.items() if rate}
    return RateLimits(limits, metrics, now_s) if limits else None
