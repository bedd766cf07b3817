"""Timestamps as text: RFC 3339 with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(timestamp_ms: int) -> str:
    """RFC 3339 with milliseconds."""
    moment = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
