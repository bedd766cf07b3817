"""Sets up the log of a process: every line, of libraries too, goes to standard error in one format."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TextIO

from fotapool.core.logs.events import FEW, LogEvent
from fotapool.core.logs.formats import JsonFormat, TextFormat, event_of, fields_of
from fotapool.core.logs.limits import Repeated, RepeatLimiter
from fotapool.core.settings import LogFormat

EXPORTER = "opentelemetry.exporter"
"""The logger that warns at each retry."""
QUIET = ("uvicorn", "asyncio", "aiohttp", "httpx", "httpcore", "botocore")
"""Libraries whose lines below warnings are written only at the level debug."""


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines, except for those that repeat too often, which it counts."""

    def __init__(self, stream: TextIO, limiter: RepeatLimiter) -> None:
        super().__init__(stream)
        self._limiter = limiter
        self._latest_s = 0.0
        """When the latest record was created."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self._latest_s = record.created
        self._write(self._limiter.ended(record.created), record.created)
        if self._limiter.allows(_seen(record), _burst(record)):
            super().emit(record)

    def close(self) -> None:
        """Writes what was counted, then closes the handler."""
        self._write(self._limiter.drain(), self._latest_s)
        super().close()

    def _write(self, repeated: Iterable[Repeated], now_s: float) -> None:
        for one in repeated:
            super().emit(_summary(one, now_s))


def _burst(record: logging.LogRecord) -> int:
    event = event_of(record)
    return FEW if event is LogEvent.LIBRARY else event.value.burst


def _seen(record: logging.LogRecord) -> Repeated:
    """The record as the limiter counts it: by its event, the type of its exception, and the event's field."""
    event = event_of(record)
    which = record.name if event is LogEvent.LIBRARY else str(fields_of(record).get(event.value.by, ""))
    error = record.exc_info[0] if record.exc_info else None
    key = (event.word, which, error.__name__ if error else "")
    return Repeated(key=key, level=record.levelno, logger=record.name, began_s=record.created)


def _summary(repeated: Repeated, now_s: float) -> logging.LogRecord:
    event = LogEvent.LINES_SUPPRESSED
    fields = {
        "suppressed": repeated.suppressed,
        "of": " ".join(part for part in repeated.key if part),
        "seconds": round(max(0.0, now_s - repeated.began_s)),
    }
    return logging.makeLogRecord(
        {
            "name": repeated.logger,
            "levelno": repeated.level,
            "levelname": logging.getLevelName(repeated.level),
            "msg": event.value.message.format_map(fields),
            "event": event,
            "fields": fields,
            "created": now_s,
        }
    )


def set_up_log(log_format: LogFormat, level: str, worker: int = 0) -> None:
    """Sets up the log of this process, unless it has one; `worker` is its number among `--workers`, or 0."""
    handler = LineHandler(sys.stderr, RepeatLimiter())
    handler.setFormatter(JsonFormat(worker) if log_format is LogFormat.JSON else TextFormat(worker))
    logging.basicConfig(handlers=[handler], level=level.upper())
    logging.captureWarnings(True)
    logging.getLogger(EXPORTER).setLevel(logging.ERROR)
    if level != "debug":
        for name in QUIET:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
