"""`fotapool statements …`."""

from __future__ import annotations

import sys
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_json, print_record, print_table, stderr_note
from fotapool.cli.client.resources import resource_group


@resource_group
def statements() -> None:
    """List an account's billing statements, and print one.

    \b
    Examples:
      fotapool statements list 0242078689-00001
      fotapool statements show 0242078689-00001 2026-10 --csv > october.csv
    """


@statements.command()
@options.account
@click.argument("month", metavar="MONTH")
@click.option("--csv", "as_csv", is_flag=True, help="Print all lines as CSV.")
@options.as_json
@options.admin_client_options
def show(client: Any, account: str, month: str, as_csv: bool, as_json: bool) -> None:
    """Print the statement of a month, as 2026-10: its totals, or all lines with --csv.

    \b
    Examples:
      fotapool statements show 0242078689-00001 2026-10
      fotapool statements show 0242078689-00001 2026-10 --csv > october.csv
    """
    path = f"/accounts/{account}/statements/{segment(month)}"
    if as_csv:
        for line in client.download(path, {"format": "csv"}, "text/csv"):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        return
    answer = client.call("GET", path, query={"format": "json", "limit": 1000})
    if as_json:
        print_json(answer)
        return
    record = answer | answer["totals"]
    members = (
        "account month complete purchaseType licenses noticeLicenses:licenses_under_notice events:charged_upgrades"
    )
    print_record(record, False, members)
    print_table(answer["periods"], "from to licenseCount:licenses purchaseType")
    stderr_note("Use --csv for each license under notice and each upgrade.")
