"""The runbooks name only events, metrics, commands and options that exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from fotapool.cli.main import main
from fotapool.core.logs.events import LogEvent

ROOT = Path(__file__).parents[2]
RUNBOOKS = sorted((ROOT / "docs/how-to/runbooks").glob("*.md"))
sys.path.insert(0, str(ROOT / "docs"))

from generated import settings  # noqa: E402

LINE = re.compile(r"^\S+Z [A-Z]+ +(\w+): .*\[logger=(fotapool[\w.]+) process=\d+.*\]$", re.MULTILINE)
COMMAND = re.compile(r"fotapool ((?:[a-z][a-z-]*(?: |$|`))+)", re.MULTILINE)
WORDS = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")
NOT_EVENTS = {"max_connections", "request_id"}
"""Names in code style with an underscore that are not events."""
every = pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)


@every
def test_every_event_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = {event.word for event in LogEvent}
    named = {name for name in WORDS.findall(text) if not name.startswith("fotapool_")}
    assert named - known - NOT_EVENTS == set()
    for event, logger in LINE.findall(text):
        assert event in known
        assert (ROOT / "src" / logger.replace(".", "/")).with_suffix(".py").exists()


@every
def test_every_metric_exists(path: Path) -> None:
    source = "\n".join(found.read_text(encoding="utf-8") for found in (ROOT / "src").rglob("*.py"))
    known = set(re.findall(r'"(fotapool_\w+)"', source))
    assert set(re.findall(r"fotapool_[a-z_]+", path.read_text(encoding="utf-8"))) <= known


@every
def test_every_command_and_option_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for words in COMMAND.findall(text):
        command: click.Command | None = main
        for word in words.strip("` ").split():
            if isinstance(command, click.Group):
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"there is no command fotapool {words}"
    names = {option.opts[0] for _, command in settings.commands() for option in settings.options(command).values()}
    for option in re.findall(r"`(--[a-z-]+)", text):
        assert option in names or option == "--format", f"there is no option {option}"


@pytest.mark.parametrize("path", [path for path in RUNBOOKS if path.stem != "README"], ids=lambda path: path.stem)
def test_a_runbook_has_signs_a_case_with_its_lines_and_what_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Signs", "A real case", "What to do"]
    assert LINE.search(text), "no line of a log"
    assert f"]({path.name})" in (path.parent / "README.md").read_text(encoding="utf-8")
