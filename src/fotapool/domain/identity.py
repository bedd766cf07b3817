"""Roles of operators, lifetimes of tokens and sessions, and the lock-out of users (facts, section 11)."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS

BEARER_LIFETIME_MS = HOUR_MS
"""A bearer token expires one hour after it was first issued."""
SESSION_IDLE_MS = 20 * MINUTE_MS
"""A session expires after 20 minutes without a request."""
MAX_FAILED_LOGINS = 5
"""Consecutive failed logins that lock a user until an operator unlocks it."""
RETENTION_ENDED_MS = DAY_MS
"""How long an expired token is stored, so that its error can say "expired" instead of "unknown"."""


class Role(enum.Enum):
    """An operator's role, in rising order: each role includes the permissions of the roles before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        """Whether the role includes the needed one."""
        return _RANK[self] >= _RANK[needed]


def role_of(values: Collection[str], values_by_role: Mapping[str, Collection[str]]) -> Role | None:
    """The highest role of which one value is among these; None if there is none."""
    return next(
        (role for role in reversed(Role) if not set(values).isdisjoint(values_by_role.get(role.value, ()))), None
    )


_RANK = {role: rank for rank, role in enumerate(Role)}


def bearer_is_valid(issued_ms: int, revoked: bool, now_ms: int) -> bool:
    return not revoked and now_ms < issued_ms + BEARER_LIFETIME_MS


def session_is_valid(last_used_ms: int, now_ms: int) -> bool:
    return now_ms < last_used_ms + SESSION_IDLE_MS


def is_locked(failed_logins: int) -> bool:
    return failed_logins >= MAX_FAILED_LOGINS
