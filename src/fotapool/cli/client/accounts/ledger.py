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
@click.option("--after", type=click.IntRange(0), metavar="NUMBER", help="Only entries after this number.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with all members.")
@options.limit
@options.as_json
@options.admin_client_options
def ledger(client: Any, account: str, as_csv: bool, limit: int | None, as_json: bool, **given: Any) -> None:
    """Print the license ledger: one entry for each license change, oldest first.

    \b
    Examples:
      fotapool ledger 0242078689-00001 --device 990000000000019
      fotapool ledger 0242078689-00001 --after 1000 --json
      fotapool ledger 0242078689-00001 --csv > ledger.csv
    """
    query = {"deviceId": given["device"], "after": given["after"]}
    rows = client.pages(f"/accounts/{account}/ledger", "entries", "number", **query)
    if as_csv:
        print_csv(islice(rows, limit), MEMBERS)
    else:
        print_rows(rows=rows, shown=_COLUMNS, as_json=as_json, limit=limit, empty="No license changes.")
