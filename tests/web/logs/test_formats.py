"""The two formats: the fields of each line, and lines that cannot be forged."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from fotapool.core.logs.context import CurrentRequest, begin_request, clear_request, note_sender
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.logs.formats import JsonFormat, TextFormat

log = Log("fotapool.test")


def record_of(caplog: pytest.LogCaptureFixture, event: LogEvent, *more: Any, **fields: Any) -> logging.LogRecord:
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        log.write(event, *more, **fields)
    (record,) = caplog.records
    record.created, record.process = 1_772_323_200.1239, 77
    return record


def test_a_line_of_text(caplog: pytest.LogCaptureFixture) -> None:
    record = record_of(caplog, LogEvent.DATABASE_DOWN, reason="connection refused", use="reads")
    assert TextFormat(2).format(record) == (
        "2026-03-01T00:00:00.123Z ERROR   database_down: the database does not answer: connection refused"
        " [logger=fotapool.test process=77 worker=2 use=reads]"
    )


def test_a_line_of_json_has_the_request_and_its_sender(caplog: pytest.LogCaptureFixture) -> None:
    begin_request(b"abc-1")
    try:
        note_sender("zaphod", "0000123456-00001")
        record = record_of(caplog, LogEvent.DATABASE_DOWN, reason="refused", use="reads")
    finally:
        clear_request()
    assert json.loads(JsonFormat(2).format(record)) == {
        "time": "2026-03-01T00:00:00.123Z",
        "level": "error",
        "event": "database_down",
        "message": "the database does not answer: refused",
        "logger": "fotapool.test",
        "process": 77,
        "worker": 2,
        "request_id": "abc-1",
        "actor": "zaphod",
        "account": "0000123456-00001",
        "reason": "refused",
        "use": "reads",
    }


def test_a_line_of_another_request_names_that_one(caplog: pytest.LogCaptureFixture) -> None:
    begin_request("this")
    try:
        record = record_of(caplog, LogEvent.CHANGE_FAILED, None, CurrentRequest("other"))
    finally:
        clear_request()
    assert json.loads(JsonFormat(0).format(record))["request_id"] == "other"


def test_a_traceback_is_a_member_of_json_and_follows_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        record = record_of(caplog, LogEvent.CHANGE_FAILED, error)
    line = JsonFormat(0).format(record)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ZeroDivisionError: by zero")
    text = TextFormat(0).format(record).splitlines()
    assert text[0].endswith("change_failed: a change failed and was rolled back [logger=fotapool.test process=77]")
    assert text[-1] == "ZeroDivisionError: by zero"


def test_a_library_line_has_its_own_level_and_logger(caplog: pytest.LogCaptureFixture) -> None:
    begin_request("abc-2")
    try:
        logging.getLogger("uvicorn.error").warning("Unsupported upgrade request of %s.", "h2c")
        found = json.loads(JsonFormat(0).format(caplog.records[0]))
    finally:
        clear_request()
    assert (found["event"], found["level"], found["logger"]) == ("library", "warning", "uvicorn.error")
    assert found["message"] == "Unsupported upgrade request of h2c."
    assert found["request_id"] == "abc-2"


@pytest.mark.parametrize("evil", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\x00b", "a\u202e\x9bb"])
def test_text_of_others_cannot_begin_a_line_or_move_the_cursor(caplog: pytest.LogCaptureFixture, evil: str) -> None:
    record = record_of(caplog, LogEvent.JOBS_FAILED, reason=evil, note=evil)
    for line in (TextFormat(0).format(record), JsonFormat(0).format(record)):
        assert "\n" not in line
        assert "\x1b" not in line
    assert all(character.isprintable() for character in TextFormat(0).format(record))
    assert json.loads(JsonFormat(0).format(record))["note"] == evil


def test_values_with_spaces_are_quoted(caplog: pytest.LogCaptureFixture) -> None:
    record = record_of(caplog, LogEvent.JOBS_FAILED, reason=1, note='a "b" c')
    assert TextFormat(0).format(record).endswith('note="a \\"b\\" c"]')


def test_a_level_that_is_off_formats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Unprintable:
        def __format__(self, _: str) -> str:
            sys.exit("formatted")

    with caplog.at_level(logging.ERROR):
        log.write(LogEvent.JOBS_FAILED, reason=Unprintable())
    assert caplog.records == []
