"""Lifetimes of the two tokens and the lock-out of users (facts, section 11)."""

from __future__ import annotations

BEARER_LIFETIME_MS = 60 * 60 * 1000
"""A bearer token lives one hour from its first issue."""
SESSION_IDLE_MS = 20 * 60 * 1000
"""A session ends after 20 minutes without a request."""
MAX_FAILED_LOGINS = 5
"""As many failed logins in a row lock the user until an operator unlocks it."""
RETENTION_ENDED_MS = 24 * 60 * 60 * 1000
"""How long an ended token is remembered, so that its error can say "expired" and not "unknown"."""


def bearer_is_valid(issued_ms: int, revoked: bool, now_ms: int) -> bool:
    return not revoked and now_ms < issued_ms + BEARER_LIFETIME_MS


def session_is_valid(last_used_ms: int, now_ms: int) -> bool:
    return now_ms < last_used_ms + SESSION_IDLE_MS


def is_locked(failed_logins: int) -> bool:
    return failed_logins >= MAX_FAILED_LOGINS
