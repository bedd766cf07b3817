"""What is stored for a limited time: its kinds, their default times, and what statements need for longer."""

from __future__ import annotations

import enum

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.campaigns.campaigns import HISTORY_MS


class Kind(enum.Enum):
    """A kind of data that is deleted when it is older than its setting says. The value is the name in the API."""

    CHECK_INS = "checkIns"
    DEVICE_LOGS = "deviceLogs"
    CALLBACKS = "callbacks"
    AUDIT_LOG = "auditLog"
    UPGRADES = "upgrades"
    REJECTIONS = "rejections"
    UNDO = "undo"


DEFAULT_DAYS = {
    Kind.CHECK_INS: 30,
    Kind.DEVICE_LOGS: 30,
    Kind.CALLBACKS: 30,
    Kind.AUDIT_LOG: 365,
    Kind.UPGRADES: 0,
    Kind.REJECTIONS: 0,
    Kind.UNDO: 0,
}
"""Days for which each kind is stored; 0 for ever."""
MIN_UPGRADE_DAYS = HISTORY_MS // DAY_MS
"""The API shows upgrades for so long."""


def before_ms(days: int, now_ms: int) -> int | None:
    """Data from before this time (ms) is deleted; None if all is stored for ever."""
    return now_ms - days * DAY_MS if days else None
