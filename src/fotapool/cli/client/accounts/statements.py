"""`fotapool statements …`: what an account is to pay for a month."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options


@click.group()
def statements() -> None:
    """List an account's billing statements, and print one.

    \b
    Examples:
      fotapool statements list 0242078689-00001
      fotapool statements show 0242078689-00001 2026-10 --csv > october.csv
    """


@statements.command("list")
@options.account
@options.limit
@options.as_json
@options.admin_client_options
def list_statements(plane: Any, account: str, limit: int | None, as_json: bool) -> None:
    """List the statements of the last 24 months with their totals, the newest first.

    \b
    Example:
      fotapool statements list 0242078689-00001
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [
        Column("MONTH", "month"),
        Column("COMPLETE", "complete"),
        Column("PURCHASE TYPE", "purchaseType"),
        Column("LICENSES", lambda row: row["totals"]["licenses"], True),
        Column("UNDER NOTICE", lambda row: row["totals"]["noticeLicenses"], True),
        Column("UPGRADES", lambda row: row["totals"]["events"], True),
    ]
    answer = plane.call("GET", f"/accounts/{account}/statements")
    print_rows(
        rows=answer["statements"], columns=columns, as_json=as_json, limit=limit, empty="There are no statements yet."
    )


@statements.command()
@options.account
@click.argument("month", metavar="MONTH")
@click.option("--csv", "as_csv", is_flag=True, help="All lines as CSV.")
@options.as_json
@options.admin_client_options
def show(plane: Any, account: str, month: str, as_csv: bool, as_json: bool) -> None:
    """Print the statement of a month, as 2026-10: its totals, or every line with --csv.

    \b
    Examples:
      fotapool statements show 0242078689-00001 2026-10
      fotapool statements show 0242078689-00001 2026-10 --csv > october.csv
    """
    import sys

    from fotapool.cli.client.http.api_client import segment
    from fotapool.cli.client.output import Column, print_json, print_record, print_table, stderr_note

    path = f"/accounts/{account}/statements/{segment(month)}"
    if as_csv:
        for line in plane.download(path, {"format": "csv"}, "text/csv"):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        return
    answer = plane.call("GET", path, query={"format": "json", "limit": 1000})
    if as_json:
        print_json(answer)
        return
    totals = answer["totals"]
    print_record(
        {
            "account": answer["account"],
            "month": answer["month"],
            "complete": answer["complete"],
            "purchase type": answer["purchaseType"],
            "licenses": totals["licenses"],
            "licenses under notice": totals["noticeLicenses"],
            "charged upgrades": totals["events"],
        },
        False,
    )
    columns = [
        Column("FROM", "from"),
        Column("TO", "to"),
        Column("LICENSES", "licenseCount", True),
        Column("PURCHASE TYPE", "purchaseType"),
    ]
    print_table(answer["periods"], columns)
    stderr_note("--csv has each license under notice and each upgrade.")
