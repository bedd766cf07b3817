"""The two formats of a line: text for people, and JSON with one object per line for programs."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from functools import cache
from string import Formatter
from typing import Any

from pythonjsonlogger.msgspec import MsgspecFormatter

from fotapool.core.logs.context import CurrentRequest, current_request
from fotapool.core.logs.events import LogEvent

_PLAIN = re.compile(r"[^\s\"'\[\]=]+")


def event_of(record: logging.LogRecord) -> LogEvent:
    """The event of a record; LIBRARY for those of other programs."""
    found = getattr(record, "event", None)
    return found if isinstance(found, LogEvent) else LogEvent.LIBRARY


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record: those of the request that is handled, then its own."""
    request: CurrentRequest | None = getattr(record, "request", None) if hasattr(record, "event") else current_request()
    own: dict[str, Any] = getattr(record, "fields", {})
    texts = {name: str(value) if isinstance(value, BaseException) else value for name, value in own.items()}
    return {**(request.fields() if request is not None else {}), **texts}


def time_of(record: logging.LogRecord) -> str:
    """As 2026-03-01T12:00:00.123Z."""
    at = datetime.fromtimestamp(record.created, UTC)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@cache
def message_fields(event: LogEvent) -> tuple[str, ...]:
    """The names of the fields in the event's message."""
    return tuple(name for _, name, _, _ in Formatter().parse(event.value.message) if name)


class JsonFormat(MsgspecFormatter):
    """One JSON object per line."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._worker = {"worker": worker} if worker else {}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """See pythonjsonlogger: adds the members of the object."""
        log_data.update(
            {
                "time": time_of(record),
                "level": record.levelname.lower(),
                "event": event_of(record).word,
                "message": record.message,
                "logger": record.name,
                "process": record.process,
                **self._worker,
                **fields_of(record),
            }
        )
        if "exc_info" in message_dict:
            log_data["exception"] = message_dict["exc_info"]


class TextFormat(logging.Formatter):
    """Time, level, event and message, then the fields that the message does not have; a traceback follows."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._worker = {"worker": worker} if worker else {}

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the method that it overrides
        """See logging.Formatter."""
        event = event_of(record)
        shown = message_fields(event)
        fields = {"logger": record.name, "process": record.process, **self._worker, **fields_of(record)}
        listed = " ".join(f"{name}={_value(value)}" for name, value in fields.items() if name not in shown)
        return f"{time_of(record)} {record.levelname:<7} {event.word}: {_printable(record.message)} [{listed}]"


def _value(value: object) -> str:
    text = _printable(str(value))
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'


def _printable(text: str) -> str:
    """The text on one line: characters that would break it, or move a terminal's cursor, are escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
