"""`fotapool reconcile FILE`."""

from __future__ import annotations

import sys
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.devices.uploads import read_file
from fotapool.cli.client.failures import SOME_REFUSED
from fotapool.cli.client.output import print_json, print_table, stderr_note

SHOWN = 20
CONTENT_TYPE = "application/octet-stream"
"""The server recognizes the form of the file by its first bytes."""


@click.command()
@options.file
@click.option("--account", type=options.AccountName(), help="The account of a file that names none.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all differences as CSV.")
@options.as_json
@options.admin_client_options
def reconcile(client: Any, file: str, account: str | None, as_csv: bool, as_json: bool) -> None:
    """Compare the carrier's licenses with those of the server, by account and device. Changes nothing.

    \b
    FILE, or standard input (-), is one of
      CSV with the columns account and licenseCount, used or both
      CSV with the columns account and imei: the devices that have a license at the carrier
      license status pages of the documented API (JSON), one after another

    \b
    Examples:
      fotapool reconcile carrier.csv
      fotapool reconcile licensed-imeis.txt --account 0242078689-00001
      cat page-*.json | fotapool reconcile - --csv > differences.csv

    Exit code 1: something differs, or a line could not be read.
    """
    query = {name: value for name, value in {"account": account, "format": "csv" if as_csv else None}.items() if value}
    with read_file(file, "reconcile") as content:
        response = client.send(
            method="POST",
            path="/reconciliation",
            content=content,
            query=query,
            content_type=CONTENT_TYPE,
            accept="*/*",
        )
    if as_csv:
        sys.stdout.write(response.text.replace("\r\n", "\n"))
        sys.stdout.flush()
        if response.text.count("\n") > 1:
            raise click.exceptions.Exit(SOME_REFUSED)
        return
    result = response.json()
    print_json(result) if as_json else _print(result)
    if not result["equal"]:
        raise click.exceptions.Exit(SOME_REFUSED)


def _print(result: dict[str, Any]) -> None:
    click.echo(
        f"{result['accountsDifferent']:,} of {result['accountsCompared']:,} accounts differ; "
        f"{result['onlyHere']:,} devices are licensed only here, {result['onlyAtCarrier']:,} only at the carrier; "
        f"{result['failed']:,} of {result['lines']:,} lines could not be read"
    )
    if result["accounts"]:
        counts = "licenseCount:licenses carrierLicenseCount:carrier used carrierUsed onlyHere onlyAtCarrier"
        print_table(result["accounts"][:SHOWN], f"account {counts}")
    if result["devices"]:
        last = "lastChange lastChangeAt:at lastChangeActor:by"
        print_table(result["devices"][:SHOWN], f"account deviceId:device licensed:only deviceAccount assignedAt {last}")
    if len(result["accounts"]) > SHOWN or len(result["devices"]) > SHOWN:
        stderr_note(f"Only the first {SHOWN} are shown. Use --csv for all.")
    for note in result["notes"]:
        stderr_note(note)
    for one in result["errors"][:SHOWN]:
        stderr_note(f"  line {one['line']}: {one['error']}")
