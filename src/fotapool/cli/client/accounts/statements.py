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
    """List an account's billing statements, print one, and export the totals of all accounts.

    \b
    Examples:
      fotapool statements list 0242078689-00001
      fotapool statements show 0242078689-00001 2026-10 --csv > october.csv
      fotapool statements export --from 2026-01 --to 2026-12 --format csv > 2026.csv
    """


@statements.command()
@click.option("--from", "from_", metavar="MONTH", help="The first month; by default 12 months up to the last one.")
@click.option("--to", metavar="MONTH", help="The last month; by default the current one.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ndjson"]),
    default="csv",
    show_default=True,
    help="CSV with a header, or one JSON object per line.",
)
@options.admin_client_options
def export(client: Any, from_: str | None, to: str | None, form: str) -> None:
    """Print the totals of all accounts, one line for each account and month, as 2026-10.

    All lines show the state at which the export began. A month that is not over has complete=false.

    \b
    Examples:
      fotapool statements export --from 2026-01 --to 2026-12 > 2026.csv
      fotapool statements export --from 2026-10 --format ndjson
    """
    query = {name: value for name, value in {"from": from_, "to": to, "format": form}.items() if value}
    for line in client.download("/statements/export", query, "*/*"):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


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
