"""How commands print: tables for people, JSON for programs, progress and remarks on standard error."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fotapool.cli.client.options import SHOWN_ROWS

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000
"""Columns of a table that no terminal shows: no row is ever broken or cut there."""
Row = Mapping[str, Any]
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and the member of the row or what makes its text."""

    heading: str
    value: str | Callable[[Row], Any]
    right: bool = False

    def text(self, row: Row) -> str:
        return words(row.get(self.value) if isinstance(self.value, str) else self.value(row))


def words(value: Any) -> str:
    """A value of JSON for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def console(error: bool = False) -> Console:
    """Colors and widths of the terminal; none of both where there is none."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(
        file=stream, highlight=False, soft_wrap=False, width=None if stream.isatty() else PIPE_WIDTH, emoji=False
    )


def print_table(rows: Iterable[Row], columns: Sequence[Column], error: bool = False) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=True)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(column.text(row)) for column in columns))
    terminal = console(error)
    if terminal.is_terminal:
        terminal.print(table)
        return
    with terminal.capture() as lines:
        terminal.print(table)
    for line in lines.get().splitlines():
        click.echo(line.rstrip(), err=error)


def print_rows(rows: Iterable[Row], columns: Sequence[Column], as_json: bool, limit: int | None, empty: str) -> None:
    """A list. `empty` is what people are told when there is none: what to do next."""
    if as_json:
        print_json_lines(itertools.islice(rows, limit))
        return
    most = limit or SHOWN_ROWS
    shown = list(itertools.islice(rows, most + 1))
    if not shown:
        stderr_note(empty)
        return
    print_table(shown[:most], columns)
    if len(shown) > most:
        stderr_note(f"The first {most:,} rows; there are more: --limit N, or --json for all.")


def print_json_lines(rows: Iterable[Any]) -> None:
    write = sys.stdout.write
    for row in rows:
        write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_csv(rows: Iterable[Row], members: Sequence[str]) -> None:
    """Rows as they come, with a header; values within are JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(members)
    for row in rows:
        writer.writerow([_csv_value(row.get(member)) for member in members])
    sys.stdout.flush()


def _csv_value(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


def print_record(document: Row, as_json: bool, members: Mapping[str, str] | None = None) -> None:
    """One thing: as JSON, or its members one a line. `members` chooses and names them."""
    if as_json:
        print_json(document)
        return
    names = members or {member: member for member in document}
    present = {heading: words(document[member]) for member, heading in names.items() if member in document}
    width = max(map(len, present), default=0)
    for heading, text in present.items():
        click.echo(f"{heading:<{width}}  {printable(text)}".rstrip())


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def printable(text: str) -> str:
    """Without control characters, which could move the terminal's cursor."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


def stderr_note(text: str) -> None:
    """Something for the person and not for the program that reads the output."""
    click.echo(printable(text), err=True)


def done(text: str, as_json: bool, document: Any = None) -> None:
    """That a change was made: a sentence, or the document of the answer."""
    if as_json:
        print_json(document if document is not None else {"done": True})
    else:
        click.echo(printable(text))


@contextmanager
def progress(what: str, total: int | None, already: int = 0, unit: str = "devices") -> Iterator[Advance]:
    """A bar with rate and time left on standard error, on a terminal; `total` None if nobody knows."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:,.0f} {unit}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}")
        if total is not None
        else TextColumn("{task.completed:,.0f}"),
        Rate(""),
        TimeRemainingColumn(),
    )
    # what a program reads from standard output must not end up on the bar's console
    with Progress(*columns, console=console(error=True), redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(what, total=total, completed=already)
        yield lambda count: bar.advance(task, count)


def confirm(question: str, expected: str, given: bool) -> None:
    """Asks to type `expected`, unless `given`. Raises Aborted."""
    from fotapool.cli.client.failures import Aborted

    if given:
        return
    if not sys.stdin.isatty() and not _is_piped_answer():
        raise Aborted("nobody is there to confirm, so nothing was changed", "Look at the preview, then add --yes.")
    try:
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        answer = ""
    if answer.strip() != expected:
        raise Aborted("not confirmed, so nothing was changed")


def _is_piped_answer() -> bool:
    """Whether the answer comes through a pipe: `echo NAME | fotapool …` confirms as typing it does."""
    import os
    import stat

    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # not a file of the system: a test's, which has the answer ready
        return True
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
