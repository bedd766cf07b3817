"""`fotapool ledger ACCOUNT`: who moved which license, when and why."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options

MEMBERS = (
    "number",
    "time",
    "actor",
    "requestId",
    "deviceId",
    "what",
    "why",
    "request",
    "detail",
    "usedBefore",
    "usedAfter",
)


@click.command()
@options.account
@click.option("--device", metavar="IMEI", help="Only this device's entries.")
@click.option("--after", type=click.IntRange(0), metavar="NUMBER", help="Only entries after this one.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with all members.")
@options.limit
@options.as_json
@options.admin_client_options
def ledger(
    plane: Any, account: str, device: str | None, after: int | None, as_csv: bool, limit: int | None, as_json: bool
) -> None:
    """Print the ledger: an entry for each license that moved, the oldest first.

    \b
    Examples:
      fotapool ledger 0242078689-00001 --device 990000000000019
      fotapool ledger 0242078689-00001 --after 1000 --json
      fotapool ledger 0242078689-00001 --csv > ledger.csv
    """
    from itertools import islice

    from fotapool.cli.client.output import Column, print_csv, print_rows

    rows = plane.pages(f"/accounts/{account}/ledger", "entries", "number", deviceId=device, after=after)
    if as_csv:
        print_csv(islice(rows, limit), MEMBERS)
        return
    columns = [
        Column("NUMBER", "number", True),
        Column("TIME", "time"),
        Column("WHO", "actor"),
        Column("DEVICE", "deviceId"),
        Column("WHAT", "what"),
        Column("WHY", "why"),
        Column("USED", lambda row: f"{row['usedBefore']:,} -> {row['usedAfter']:,}", True),
    ]
    print_rows(rows=rows, columns=columns, as_json=as_json, limit=limit, empty="No license has moved.")
