"""Roles of operators, lifetimes of tokens and sessions, and the lock-out of users (facts, section 11)."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS
from fotapool.domain.errors import Invalid

BEARER_LIFETIME_MS = HOUR_MS
"""A bearer token expires one hour after it was first issued."""
SESSION_IDLE_MS = 20 * MINUTE_MS
"""A session expires after 20 minutes without a request."""
CONSOLE_LIFETIME_MS = 12 * HOUR_MS
"""A session of the console expires after 12 hours of real time; the test clock does not end it."""
MAX_FAILED_LOGINS = 5
"""Consecutive failed logins that lock a user until an operator unlocks it."""
RETENTION_ENDED_MS = DAY_MS
"""How long an expired token is stored, so that its error can say "expired" instead of "unknown"."""

MAX_OVERLAP_MS = 90 * DAY_MS
"""The longest time for which a replaced key stays valid."""
KEY_USE_MS = MINUTE_MS
"""The last use of a key is stored again when the stored one is so old."""
PREFIX = 6
"""How many characters of a key lists show; none of a key shorter than MIN_PREFIXED."""
MIN_PREFIXED = 32


class SignInKind(enum.Enum):
    """Who is signed in: an operator in the console, an API user with a session, an API client with a bearer token."""

    CONSOLE = "console"
    USER = "user"
    CLIENT = "client"


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


def check_overlap(overlap_ms: int) -> None:
    """Raises Invalid for a time that a replaced key must not stay valid."""
    if not 0 <= overlap_ms <= MAX_OVERLAP_MS:
        raise Invalid(f"overlap must be at most {MAX_OVERLAP_MS // DAY_MS} days, as P1D; PT0S ends the old key at once")


def key_prefix(key: str) -> str:
    """What lists show of a key."""
    return key[:PREFIX] if len(key) >= MIN_PREFIXED else ""
