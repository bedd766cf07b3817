"""`fotapool devices …`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.devices.departures import delete_devices, erase_devices, move_devices
from fotapool.cli.client.devices.device_lists import FailedLinesFile
from fotapool.cli.client.devices.uploads import read_file
from fotapool.cli.client.failures import SOME_REFUSED, Unreachable, UsageError
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_json, print_record, print_table, stderr_note
from fotapool.cli.client.resources import resource_group

CONTENT_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson", "json": "application/json"}
_FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}
MAX_SHOWN = 20


@resource_group
def devices() -> None:
    """Import devices into an account, list, move and delete them, and show the timeline of one.

    \b
    Examples:
      fotapool devices import 0242078689-00001 devices.csv
      fotapool devices list 0242078689-00001 --limit 20
      fotapool devices show 0242078689-00001 990003425730535
    """


for command in (delete_devices, move_devices, erase_devices):
    devices.add_command(command)


@devices.command()
@options.account
@click.argument("device")
@options.as_json
@options.admin_client_options
def show(client: Any, account: str, device: str, as_json: bool) -> None:
    """Show a device with its timeline and its last check-ins, newest first.

    \b
    Example:
      fotapool devices show 0242078689-00001 990003425730535
    """
    answer = client.call("GET", f"/accounts/{account}/devices/{segment(device)}")
    if as_json:
        print_json(answer)
        return
    print_record({**answer["device"], "candidatePlace": answer["candidatePlace"]}, False)
    click.echo()
    print_table(answer["timeline"], "time text actor requestId:request")
    if not answer["complete"]:
        stderr_note(f"Older events are not shown; see `fotapool ledger {account} --device {device}`.")
    if answer["checkIns"]:
        click.echo()
        print_table(answer["checkIns"], "time:check-in protocol result failure")


@devices.command("import")
@options.account
@options.file
@click.option("--format", "kind", type=click.Choice(list(CONTENT_TYPES)), help="Format; default: by FILE's suffix.")
@options.failed_lines
@options.as_json
@options.admin_client_options
def import_devices(
    client: Any, account: str, file: str, kind: str | None, failed_lines: Path | None, as_json: bool
) -> None:
    """Import devices from a CSV, NDJSON or JSON file of any size, or from standard input (-).

    \b
    Examples:
      fotapool devices import 0242078689-00001 devices.csv
      fotapool devices import 0242078689-00001 - --format ndjson < devices.ndjson
      fotapool devices import 0242078689-00001 devices.csv --failed-lines failed.csv

    CSV needs a header with imei or deviceId, and any of make, model, firmware, protocol, mdn, status, licensed,
    licensedAt. Files as Excel saves them are read. Valid lines are imported, invalid lines are reported. Importing a
    file again is safe. Exit code 1: some lines were invalid.
    """
    kind = kind or _FORMATS.get(Path(file).suffix.lower())
    if kind is None:
        raise UsageError(f"the format of {file} is unknown", "Use --format csv, ndjson or json.")
    failed = FailedLinesFile(failed_lines)
    path = f"/accounts/{account}/devices" + ("?failedLines=true" if failed_lines else "")
    try:
        result = _upload(client, path, file, CONTENT_TYPES[kind])
    except Unreachable as failure:
        failure.notes.append("Lines received before are imported. Run the command again: it is safe to repeat.")
        raise
    failed.write(result.pop("failedLines", ""), result["failed"])
    if as_json:
        print_json(result)
    else:
        _print_summary(result)
    if result["failed"]:
        raise click.exceptions.Exit(SOME_REFUSED)


def _upload(client: Any, path: str, file: str, content_type: str) -> dict[str, Any]:
    with read_file(file, "import") as content:
        result: dict[str, Any] = client.upload(path, content, content_type)
    return result


def _print_summary(result: dict[str, Any]) -> None:
    click.echo(
        f"{result['kept']:,} of {result['lines']:,} devices imported, {result['licensed']:,} with a license; "
        f"{result['failed']:,} failed, {result['warned']:,} with a warning"
    )
    for note in result.get("notes", []):
        stderr_note(note)
    for kind in ("errors", "warnings"):
        for line in result[kind][:MAX_SHOWN]:
            stderr_note(f"  line {line['line']}: {line['deviceId']} {line['error']}")
        if len(result[kind]) > MAX_SHOWN:
            stderr_note(f"  … and {len(result[kind]) - MAX_SHOWN:,} more {kind}; --json prints more of them")
