"""`fotapool audit-log list | export`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.http.calls import MAX_PAGES
from fotapool.cli.client.output import Column, columns, print_rows

PAGE = 1000
PATH = "/audit-log"
Command = Callable[..., Any]


def _outcome(row: Any) -> str:
    """What came of it, with the number of refused attempts if there were several."""
    attempts = f" {row['attempts']:,} times" if row["attempts"] > 1 else ""
    return f"refused ({row['status']}){attempts}" if row["outcome"] == "refused" else "done"


_COLUMNS = [
    *columns("time operator via action targetKind:kind target"),
    Column("outcome", _outcome),
    *columns("reason before after"),
]


def _filters(command: Command) -> Command:
    for option in (
        options.until,
        options.since,
        click.option("--outcome", type=click.Choice(["done", "refused"]), help="Only what was done, or was refused."),
        click.option("--request", "requestId", metavar="ID", help="Only what this request did."),
        click.option("--target", metavar="NAME", help="Only this device, user, campaign or other thing."),
        click.option("--account", type=options.AccountName(), help="Only this account."),
        click.option("--action", metavar="ACTION", help="Only this action, as createUser."),
        click.option("--operator", metavar="NAME", help="Only what this operator did."),
    ):
        command = option(command)
    return command


@click.group()
def audit_log() -> None:
    """List and export what operators changed and were refused.

    \b
    Examples:
      fotapool audit-log list --operator night-shift --since 2026-12-01
      fotapool audit-log list --outcome refused
      fotapool audit-log export --format csv > audit-log.csv
    """


@audit_log.command(name="list")
@_filters
@options.limit
@options.as_json
@options.admin_client_options
def list_entries(client: Any, limit: int | None, as_json: bool, **given: Any) -> None:
    """List entries, newest first.

    \b
    Examples:
      fotapool audit-log list --action deleteUser
      fotapool audit-log list --account 0242078689-00001 --since 2026-12-01 --json
    """
    print_rows(rows=_pages(client, given), shown=_COLUMNS, as_json=as_json, limit=limit, empty="No entries match.")


def _pages(client: Any, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    query = {"limit": PAGE, **{name: value for name, value in given.items() if value is not None}}
    for _ in range(MAX_PAGES):
        page = client.call("GET", PATH, query=query)
        yield from page["entries"]
        if page["next"] is None:
            return
        query["before"] = page["next"]


@audit_log.command()
@_filters
@click.option(
    "--format",
    type=click.Choice(["csv", "ndjson"]),
    default="ndjson",
    show_default=True,
    help="CSV with a header, or one JSON object per line.",
)
@options.admin_client_options
def export(client: Any, **given: Any) -> None:
    """Print all entries that match, newest first, with all members.

    \b
    Examples:
      fotapool audit-log export > audit-log.ndjson
      fotapool audit-log export --format csv --since 2026-11-01 --until 2026-12-01 > november.csv
    """
    query = {name: value for name, value in given.items() if value is not None}
    for line in client.download(f"{PATH}/export", query, "*/*"):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
