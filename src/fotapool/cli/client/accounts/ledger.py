"""`fotapool ledger ACCOUNT`."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import Column, columns, print_csv, print_rows

MEMBERS = tuple("number change time actor requestId deviceId what why request detail usedBefore usedAfter".split())  # noqa: SIM905
_COLUMNS = [
    *columns("number time actor deviceId:device what why"),
    Column("used", lambda row: f"{row['usedBefore']:,} -> {row['usedAfter']:,}"),
]


@click.command()
@options.account
@click.option("--device", metavar="IMEI", help="Only entries of this device.")
@click.option("--request", metavar="ID", help="Only entries of this request.")
@options.since
@options.until
@click.option("--after", type=click.IntRange(0), metavar="NUMBER", help="Entries after this number, oldest first.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with all members.")
@options.limit
@options.as_json
@options.admin_client_options
def ledger(client: Any, account: str, as_csv: bool, limit: int | None, as_json: bool, **given: Any) -> None:
    """Print the license ledger: one entry for each license change, newest first.

    With --after, the oldest come first, as for a program that reads on where it ended.

    \b
    Examples:
      fotapool ledger 0242078689-00001 --device 990000000000019
      fotapool ledger 0242078689-00001 --since 2026-11-01 --until 2026-12-01 --csv > november.csv
      fotapool ledger 0242078689-00001 --request 3046e0ddd243-17
      fotapool ledger 0242078689-00001 --after 1000 --json
    """
    query = {"deviceId": given["device"], "after": given["after"]}
    filters = {"requestId": given["request"], "since": given["since"], "until": given["until"]}
    if given["after"] is None:
        query |= {"newest": "true", **filters}
    elif any(filters.values()):
        raise click.UsageError("--after cannot be combined with --request, --since and --until")
    rows = client.pages(f"/accounts/{account}/ledger", "entries", "number", **query)
    if as_csv:
        print_csv(islice(rows, limit), MEMBERS)
    else:
        is_filtered = any(value is not None for value in given.values())
        empty = "Nothing matches." if is_filtered else "No license changes."
        print_rows(rows=rows, shown=_COLUMNS, as_json=as_json, limit=limit, empty=empty)
