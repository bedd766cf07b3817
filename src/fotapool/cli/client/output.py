"""How commands print: tables for people, JSON for programs; progress and notes on standard error."""

from __future__ import annotations

import itertools
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fotapool.cli.client.failures import Aborted
from fotapool.cli.terminal import one_line, printable
from fotapool.core.csv_export import csv_lines

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000
"""Columns of a table that is not printed on a terminal: no row is wrapped or cut there."""
DEFAULT_ROWS = 100
"""Rows of a table without --limit."""
_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""The control characters that JSON does not escape."""
Row = Mapping[str, Any]
Advance = Callable[[int], None]


class Column(msgspec.Struct, frozen=True):
    """A column of a table: its heading, and the path of its member in the row, or a function of the row."""

    heading: str
    source: str | Callable[[Row], Any]

    def value(self, row: Row) -> Any:
        if callable(self.source):
            return self.source(row)
        found: Any = row
        for member in self.source.split("."):
            found = None if found is None else found.get(member)
        return found


def columns(members: str) -> list[Column]:
    """Columns of these members, as in "deviceId totals.licenses createTime:created".

    A column's heading is the member's name in words, or what follows the colon; "_" is a space there.
    """
    pairs = (member.partition(":") for member in members.split())
    return [
        Column(heading.replace("_", " ") or re.sub("(?<=[a-z])(?=[A-Z])", " ", path).lower(), path)
        for path, _, heading in pairs
    ]


def format_value(value: Any) -> str:
    """A JSON value as text for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def console(error: bool = False) -> Console:
    """A console with the terminal's colors and width; without either when the stream is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(
        file=stream, highlight=False, soft_wrap=False, width=None if stream.isatty() else PIPE_WIDTH, emoji=False
    )


def print_table(rows: Sequence[Row], shown: str | Sequence[Column], error: bool = False) -> None:
    """A table of these columns, or of those that `columns(shown)` returns. Columns of numbers are right-aligned."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=True)
    cells = []
    for column in columns(shown) if isinstance(shown, str) else shown:
        values = [column.value(row) for row in rows]
        numeric = bool(rows) and all(isinstance(value, int) and not isinstance(value, bool) for value in values)
        table.add_column(column.heading.upper(), justify="right" if numeric else "left", overflow="fold")
        cells.append([Text(one_line(format_value(value))) for value in values])
    for line in zip(*cells, strict=True):
        table.add_row(*line)
    terminal = console(error)
    if terminal.is_terminal:
        terminal.print(table)
        return
    with terminal.capture() as captured:
        terminal.print(table)
    for text in captured.get().splitlines():
        click.echo(text.rstrip(), err=error)


def print_rows(
    rows: Iterable[Row], shown: str | Sequence[Column], as_json: bool, limit: int | None = None, empty: str = ""
) -> None:
    """A list. `empty` is the note for people when it has no rows."""
    if as_json:
        print_json_lines(itertools.islice(rows, limit))
        return
    most = limit or DEFAULT_ROWS
    found = list(itertools.islice(rows, most + 1))
    if not found:
        stderr_note(empty)
        return
    print_table(found[:most], shown)
    if len(found) > most:
        stderr_note(f"Only the first {most:,} rows are shown. Use --limit N for more, or --json for all.")


def print_json_lines(rows: Iterable[Any]) -> None:
    write = sys.stdout.write
    for row in rows:
        write(json_text(row) + "\n")
    sys.stdout.flush()


def print_csv(rows: Iterable[Row], members: Sequence[str]) -> None:
    """CSV with a header, written row by row. Lists, objects and booleans are written as JSON, formulas as text."""
    write = sys.stdout.write
    write(",".join(members) + "\n")
    for row in rows:
        values = (row.get(member) for member in members)
        texts = [json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list | bool) else v for v in values]
        # A writer whose own lines end with LF would leave a carriage return unquoted.
        write(csv_lines([texts]).decode().removesuffix("\r\n") + "\n")
    sys.stdout.flush()


def print_record(document: Row, as_json: bool, members: str = "") -> None:
    """One object: as JSON, or a line for each member. `members` selects and names them as `columns` does.

    Raises TypeError or LookupError for a document that is none of those.
    """
    if not isinstance(document, dict):
        raise TypeError("not an object")
    if as_json:
        print_json(document)
        return
    shown = columns(members) if members else [Column(member, member) for member in document]
    lines = {column.heading: column.value(document) for column in shown if column.source in document}
    if not lines:
        raise LookupError(f"without {shown[0].source}" if shown else "an empty object")
    width = max(map(len, lines), default=0)
    for heading, value in lines.items():
        click.echo(f"{heading:<{width}}  {one_line(format_value(value))}".rstrip())


def json_text(document: Any, indent: int | None = None) -> str:
    """The document as JSON, with all control characters escaped."""
    has_all_characters = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(document, ensure_ascii=not has_all_characters, indent=indent)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(document: Any) -> None:
    click.echo(json_text(document, indent=2))


def print_result(text: str, as_json: bool, document: Any = None) -> None:
    """The result of a change: a sentence, or as JSON the response's document ({"done": true} without one)."""
    if as_json:
        print_json(document if document is not None else {"done": True})
    else:
        click.echo(printable(text))


def stderr_note(text: str) -> None:
    """A note for people, kept out of the output that programs read."""
    click.echo(printable(text), err=True)


@contextmanager
def progress(title: str, total: int | None, completed: int = 0, unit: str = "devices") -> Iterator[Advance]:
    """A progress bar on standard error, if that is a terminal. `total` is None when it is not known."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:,.0f} {unit}/s" if task.speed else "")

    count = "{task.completed:,.0f}" + (" of {task.total:,.0f}" if total is not None else "")
    parts = (TextColumn("{task.description}"), BarColumn(), TextColumn(count), Rate(""), TimeRemainingColumn())
    # standard output is not redirected to the bar's console when a program reads it
    with Progress(*parts, console=console(error=True), redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(title, total=total, completed=completed)
        yield lambda count: bar.advance(task, count)


def confirm(question: str, expected: str, yes: bool) -> None:
    """Asks the person to type `expected`, unless `yes`. Raises Aborted for any other text."""
    if yes:
        return
    if not sys.stdin.isatty() and not _is_piped_answer():
        raise Aborted("not confirmed: standard input is not a terminal. Nothing was changed", "Add --yes to confirm.")
    try:
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        answer = ""
    if answer.strip() != expected:
        raise Aborted("not confirmed; nothing was changed")


def _is_piped_answer() -> bool:
    """Whether the answer comes from a pipe or a file: `echo NAME | fotapool …` confirms too."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # an object in memory, as in tests
        return True
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
