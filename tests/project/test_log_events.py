"""The list of log events: each is written somewhere with the fields of its message, and nothing else is logged."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fotapool.core.logs.events import LogEvent
from fotapool.core.logs.formats import message_fields

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/fotapool"
LOGS = SOURCE / "core/logs"
NAME = re.compile(r"LogEvent\.([A-Z_]+)")
IN_EVERY_LINE = {"time", "level", "event", "message", "logger", "process", "worker", "exception"}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Every `log.write(…)`, with the path of its module."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "log.write":
                yield str(path.relative_to(ROOT)), node


def test_every_event_is_written_somewhere() -> None:
    written = {
        name for path in SOURCE.rglob("*.py") if LOGS not in path.parents for name in NAME.findall(path.read_text())
    }
    of_the_log_itself = {"LINES_SUPPRESSED", "LIBRARY"}
    assert written == {event.name for event in LogEvent} - of_the_log_itself


def test_every_call_has_the_fields_of_its_message() -> None:
    found = []
    for where, call in _calls():
        names = NAME.findall(ast.unparse(call.args[0]))
        given = {keyword.arg for keyword in call.keywords}
        for name in names:
            missing = set(message_fields(LogEvent[name])) - given
            if missing and None not in given:
                found.append(f"{where}:{call.lineno} {name} lacks {sorted(missing)}")
    assert found == []


def test_no_field_hides_one_that_every_line_has() -> None:
    assert [event.word for event in LogEvent if IN_EVERY_LINE & set(message_fields(event))] == []
    for where, call in _calls():
        assert not {keyword.arg for keyword in call.keywords} & IN_EVERY_LINE, f"{where}:{call.lineno}"


def test_nothing_else_is_logged() -> None:
    other = re.compile(r"\blogging\.(?:getLogger|info|warning|error|exception|debug)\b|\bimport logging\b")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted(SOURCE.rglob("*.py"))
        if LOGS not in path.parents and other.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["src/fotapool/cli/record.py"]  # a tool for people, whose lines have no time


def test_names_and_meanings_are_complete() -> None:
    for event in LogEvent:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", event.word)
        assert event.value.meaning.endswith((".", "…")), event
        by = event.value.by
        assert not by or by in message_fields(event) or by == "account", event
