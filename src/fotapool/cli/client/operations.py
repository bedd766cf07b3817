"""Commands from rows of a table: a row names one request, and how its response is printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec

from fotapool.cli.client import options
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import confirm, print_record, print_result, print_rows, stderr_note

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One command: a request, and how its response is printed.

    Parameters that `path` names are put there. The others are the query of a GET, or members of the body.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    """Command lines, without the leading "fotapool"."""
    path: str
    method: str = "GET"
    params: tuple[Decorator, ...] = ()
    """Arguments and options, named as in the API. ACCOUNT is added if `path` names it, --limit if there is a `cursor`.

    A value that is a function is called after the confirmation.
    """
    body: dict[str, Any] = msgspec.field(default_factory=dict)
    """Members of the body that are not parameters."""
    api: bool = False
    """Whether the request goes to the documented API; otherwise it goes to the operator API."""
    columns: str = ""
    """The columns of a list, or the members of a record that are shown, as `output.columns` takes them."""
    empty: str = ""
    """The note for a list without rows. Only lists have one.

    The rows are the response itself, or its member `rows`, by default with the name of the last segment of the path.
    """
    rows: str = ""
    cursor: str = ""
    """For lists with pages: the member of the last row that the next page starts after."""
    message: str = ""
    """The result of a change as a sentence; may name parameters and members of the response."""
    confirm: tuple[str, str] | None = None
    """What the person must type before the change is made: a parameter or else the text itself; and the question."""
    secret: str = ""
    """The member of the response with a new secret, which is shown once; not shown if the person chose it."""


def _help(text: str, examples: tuple[str, ...]) -> str:
    lines = "\n".join(f"  fotapool {example}" for example in examples)
    return f"{text}\n\n\b\nExample{'s' if len(examples) > 1 else ''}:\n{lines}"


def make_command(operation: Operation) -> click.Command:
    """The command of the row, with its help, parameters and --json, --profile and --address."""

    def run(client: Any, **values: Any) -> None:
        _run(operation, client, **values)

    command = options.api_client_options(run) if operation.api else options.admin_client_options(run)
    params: list[Decorator] = [
        *([options.account] if "{account}" in operation.path else []),
        *operation.params,
        *([options.limit] if operation.cursor else []),
        *([options.yes] if operation.confirm else []),
        options.as_json,
    ]
    for decorate in reversed(params):
        command = decorate(command)
    return click.command(operation.name, help=_help(operation.help, operation.examples))(command)


def _run(
    operation: Operation, client: Any, as_json: bool, limit: int | None = None, yes: bool = False, **values: Any
) -> None:
    if operation.confirm:
        expected, question = operation.confirm
        confirm(question.format(**values), values.get(expected, expected), yes)
    path = operation.path.format_map({name: segment(value) for name, value in values.items()})
    given = {name: value for name, value in values.items() if f"{{{name}}}" not in operation.path and value is not None}
    given = {name: value() if callable(value) else value for name, value in given.items()}
    member = operation.rows or path.rpartition("/")[2]
    if operation.cursor:
        answer = client.pages(path, member, operation.cursor, **given)
    elif operation.method == "GET":
        answer = client.call("GET", path, query=given)
    else:
        answer = client.call(operation.method, path, None if operation.method == "DELETE" else given | operation.body)
    if operation.empty:
        rows = answer[member] if isinstance(answer, dict) else answer
        empty = "Nothing matches." if operation.cursor and given else operation.empty
        print_rows(rows=rows, shown=operation.columns, as_json=as_json, limit=limit, empty=empty)
    elif operation.message:
        print_result(operation.message.format(**values | (answer or {})), as_json, answer)
    else:
        _print_record(operation, answer, as_json, is_secret_new=operation.secret not in given)


def _print_record(operation: Operation, answer: dict[str, Any], as_json: bool, is_secret_new: bool) -> None:
    """The only place where a command prints a secret: one that the server has just generated."""
    if not is_secret_new:
        answer.pop(operation.secret)
    print_record(answer, as_json, operation.columns)
    if operation.secret and is_secret_new:
        stderr_note("Store it now: it is not shown again.")
