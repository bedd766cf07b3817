"""`fotapool requests …`: the requests that the emulator recorded."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import (
    DEFAULT_ROWS,
    Row,
    columns,
    format_value,
    print_json,
    print_json_lines,
    print_rows,
)
from fotapool.cli.client.resources import resource_group
from fotapool.cli.terminal import one_line, printable

COLUMNS = "number time method path status hints"
EMPTY = "No requests. Only requests of the documented API and of devices are recorded."
POLL_S = 1
"""How often --follow asks for new requests."""


@resource_group
def requests() -> None:
    """List and show recent requests to the emulator, with hints on what was wrong in them.

    \b
    Examples:
      fotapool requests list --status 400
      fotapool requests list --follow
      fotapool requests show 17 --as curl
    """


@requests.command("list")
@click.option("--account", type=options.AccountName(), help="Only this account.")
@click.option("--status", type=click.IntRange(100, 599), help="Only responses with this status.")
@click.option("--refused", is_flag=True, help="Only rejected requests, and those without an answer.")
@click.option("--request-id", metavar="ID", help="Only requests with this X-Request-Id.")
@click.option("--follow", is_flag=True, help="Then print new requests as they arrive, until Ctrl-C.")
@options.limit
@options.as_json
@options.admin_client_options
def list_requests(client: Any, follow: bool, limit: int | None, as_json: bool, **given: Any) -> None:
    """List the newest recorded requests, the last one at the end.

    \b
    Examples:
      fotapool requests list --refused
      fotapool requests list --limit 5 --follow
    """
    query = {
        "account": given["account"],
        "status": given["status"],
        "refused": "true" if given["refused"] else None,
        "requestId": given["request_id"],
    }
    rows = client.pages("/requests", "requests", "number", **query)
    newest = deque(rows, maxlen=limit or (None if as_json else DEFAULT_ROWS))
    if newest or not follow:
        print_rows(newest, COLUMNS, as_json, limit=len(newest) or None, empty=EMPTY)
    after = 0
    while follow:
        after = newest[-1]["number"] if newest else after
        time.sleep(POLL_S)
        newest = deque(client.pages("/requests", "requests", "number", **query, after=after))
        _print_new(newest, as_json)


def _print_new(rows: Iterable[Row], as_json: bool) -> None:
    if as_json:
        print_json_lines(rows)
        return
    for row in rows:
        values = (format_value(column.value(row)) for column in columns(COLUMNS))
        click.echo(one_line("  ".join(values)).rstrip())


@requests.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--as", "form", type=click.Choice(["curl", "pytest"]), help="Print a curl command or a pytest test.")
@options.as_json
@options.admin_client_options
def show(client: Any, number: int, form: str | None, as_json: bool) -> None:
    """Show a request with its response, or print it as a curl command or a pytest test.

    \b
    Examples:
      fotapool requests show 17
      fotapool requests show 17 --as pytest > test_17.py
    """
    if form is None:
        print_json(client.call("GET", f"/requests/{number}"))
    else:
        response = client.send("GET", f"/requests/{number}", query={"as": form}, accept="text/plain")
        click.echo(printable(response.text) if sys.stdout.isatty() else response.text, nl=False)
