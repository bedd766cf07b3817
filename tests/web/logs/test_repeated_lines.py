"""Lines that repeat are written a few times and then counted; the time is that of the records."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from fotapool.core.logs.events import FEW, MANY, LogEvent
from fotapool.core.logs.formats import TextFormat
from fotapool.core.logs.limits import MAX_KEYS, PERIOD_S, RepeatLimiter
from fotapool.core.logs.setup import LineHandler

BEGAN_S = 1_772_323_200.0


class Lines:
    """A log with times that the test chooses."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = LineHandler(self._stream, RepeatLimiter())
        self.handler.setFormatter(TextFormat(0))

    def write(self, event: LogEvent, after_s: float, error: Exception | None = None, **fields: Any) -> None:
        record = logging.makeLogRecord(
            {
                "name": "fotapool.test",
                "levelno": event.value.level,
                "levelname": logging.getLevelName(event.value.level),
                "msg": event.value.message.format_map(fields),
                "created": BEGAN_S + after_s,
                "event": event,
                "fields": fields,
                "exc_info": None if error is None else (type(error), error, None),
            }
        )
        self.handler.handle(record)

    @property
    def text(self) -> list[str]:
        return self._stream.getvalue().splitlines()


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_an_outage_of_20_seconds_writes_at_most_50_lines(lines: Lines) -> None:
    lines.write(LogEvent.DATABASE_DOWN, 0, reason="refused", use="reads")
    lines.write(LogEvent.DATABASE_DOWN, 0, reason="refused", use="changes")
    for tick in range(200):
        for event in (LogEvent.CALLBACKS_BROKEN, LogEvent.NOT_READY):
            lines.write(event, tick / 10, reason="refused")
        if tick % 10 == 0:
            for event in (LogEvent.JOBS_FAILED, LogEvent.BULK_JOB_FAILED):
                lines.write(event, tick / 10, reason="refused")
    lines.write(LogEvent.DATABASE_UP, 20, seconds=20.0, use="changes")
    lines.handler.close()
    assert len(lines.text) == 2 + 4 * FEW + 1 + 4
    assert [line for line in lines.text if "197 more lines of callbacks_broken" in line]
    assert [line for line in lines.text if "17 more lines of jobs_failed within 20 s" in line]


def test_after_a_period_its_count_is_written_and_lines_are_written_again(lines: Lines) -> None:
    for number in range(10):
        lines.write(LogEvent.JOBS_FAILED, number, reason=number)
    lines.write(LogEvent.JOBS_FAILED, PERIOD_S + 1, reason="later")
    assert len(lines.text) == FEW + 2
    assert lines.text[FEW].startswith("2026-03-01T00:00:31.000Z WARNING lines_suppressed: 7 more lines of jobs_failed")
    assert "within 31 s" in lines.text[FEW]
    assert "will retry: later" in lines.text[FEW + 1]


def test_other_exceptions_and_other_senders_are_counted_on_their_own(lines: Lines) -> None:
    for number in range(FEW + 1):
        lines.write(LogEvent.JOBS_FAILED, number, reason=1)
        lines.write(LogEvent.JOBS_FAILED, number, ValueError("x"), reason=2)
    assert len(lines.text) == 2 * FEW + FEW  # the tracebacks are a line each
    for number in range(MANY + 1):
        for address in ("192.0.2.1", "192.0.2.2"):
            lines.write(LogEvent.OPERATOR_KEY_REFUSED, number, address=address)
    assert len([line for line in lines.text if "operator_key_refused" in line]) == 2 * MANY


def test_requests_are_never_left_out(lines: Lines) -> None:
    request: dict[str, Any] = {"method": "GET", "path": "/", "status": 200, "duration_ms": 1, "bytes": 0, "client": ""}
    for _ in range(100):
        lines.write(LogEvent.REQUEST, 0, **request)
    assert len(lines.text) == 100


def test_a_clock_that_is_set_back_ends_the_period(lines: Lines) -> None:
    for _ in range(FEW + 2):
        lines.write(LogEvent.JOBS_FAILED, 0, reason=1)
    lines.write(LogEvent.JOBS_FAILED, -3600, reason=2)
    assert "2 more lines" in lines.text[FEW]
    assert "will retry: 2" in lines.text[FEW + 1]


def test_what_is_counted_is_bounded(lines: Lines) -> None:
    for number in range(MAX_KEYS + 100):
        lines.write(LogEvent.OPERATOR_KEY_REFUSED, 0, address=f"192.0.2.{number}")
    assert len(lines.text) == MAX_KEYS + 100
    for _ in range(MANY):
        lines.write(LogEvent.OPERATOR_KEY_REFUSED, 1, address=f"192.0.2.{MAX_KEYS + 99}")
    assert len(lines.text) == MAX_KEYS + 100 + MANY - 1
