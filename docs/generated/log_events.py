"""docs/reference/monitoring/log-events.md: every event of the log, from their list in the code."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fotapool.core.logs.events import ALL, LogEvent
from fotapool.core.logs.formats import message_fields
from generated.tables import code, codes, table


def log_events() -> str:
    """Each event with its level, message, fields and meaning."""
    rows = []
    for event in LogEvent:
        found = event.value
        burst = "all" if found.burst == ALL else f"{found.burst}" + (f" for each {code(found.by)}" if found.by else "")
        rows.append(
            [
                code(event.word),
                logging.getLevelName(found.level).lower(),
                found.message,
                codes(message_fields(event), ", "),
                burst,
                found.meaning,
            ]
        )
    return table(["Event", "Level", "Message", "Fields", "Lines in 30 s", "Meaning"], rows)


SECTIONS: dict[str, Callable[[], str]] = {"log-events": log_events}
