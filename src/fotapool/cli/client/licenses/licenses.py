"""`fotapool licenses …`, by the documented API, for any number of devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.devices.device_lists import FailedLinesFile, read_list
from fotapool.cli.client.failures import SOME_REFUSED
from fotapool.cli.client.options import Command
from fotapool.cli.client.output import confirm, print_rows, stderr_note
from fotapool.cli.client.resources import resource_group
from fotapool.domain.devices.columns import ID

BATCH, MAX_BATCH = 5_000, 10_000
PARALLEL, MAX_PARALLEL = 8, 16

CONFIRMED_FROM = 1_000
"""Number of devices from which on `remove` asks for a confirmation."""

_version = options.api_version("v1", "v2", "v3")


@resource_group
def licenses() -> None:
    """Assign, remove and list licenses.

    \b
    Examples:
      fotapool licenses show 0242078689-00001
      fotapool licenses assign 0242078689-00001 990000000000019 990000000000027
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv
      fotapool licenses list 0242078689-00001 --json | head
    """


@licenses.command("list")
@options.account
@_version
@options.limit
@options.as_json
@options.api_client_options
def list_licenses(client: Any, account: str, version: str, limit: int | None, as_json: bool) -> None:
    """List the devices that have a license, by IMEI.

    \b
    Examples:
      fotapool licenses list 0242078689-00001 --limit 20
      fotapool licenses list 0242078689-00001 --json > licensed.jsonl
    """
    path = f"/{version}/licenses/{account}" + ("/index/{cursor}" if version == "v1" else "")
    rows = client.pages(path, "deviceList", "lastSeenDeviceId")
    empty = f"No licensed devices. Assign a license: fotapool licenses assign {account} DEVICE"
    print_rows(rows=rows, shown="deviceId:device assignmentTime:assigned", as_json=as_json, limit=limit, empty=empty)


def _bulk_options(command: Command) -> Command:
    """The options of assign and remove."""
    for option in (
        options.api_client_options,
        options.as_json,
        _version,
        click.option(
            "--parallel",
            type=click.IntRange(1, MAX_PARALLEL),
            default=PARALLEL,
            show_default=True,
            help="Number of parallel requests.",
        ),
        click.option(
            "--chunk",
            "batch",
            type=click.IntRange(1, MAX_BATCH),
            default=BATCH,
            show_default=True,
            help="Devices per request.",
        ),
        click.option("--resume", is_flag=True, help="Skip devices that already have an outcome in the result file."),
        click.option(
            "--results",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the outcome of each device to this CSV file.",
        ),
        click.option("--check", is_flag=True, help="Show the expected outcome of each device without any change."),
        options.devices,
        options.account,
    ):
        command = option(command)
    return command


@licenses.command()
@_bulk_options
def assign(client: Any, **values: Any) -> None:
    """Assign licenses to devices given as arguments, in a file or on standard input.

    \b
    Examples:
      fotapool licenses assign 0242078689-00001 990000000000019
      fotapool licenses assign 0242078689-00001 --file devices.csv --check
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv --resume
      fotapool licenses assign 0242078689-00001 --file devices.csv --skip-malformed --failed-lines failed.csv
      grep -v ^# devices.txt | fotapool licenses assign 0242078689-00001 --file -

    Devices are sent in batches, several in parallel. A device that already has a license takes no second one, so the
    command is safe to repeat. Exit code 1: some devices were refused; `--results` has the outcome of each.
    """
    _run(client, "assign", **values)


@licenses.command()
@_bulk_options
@options.yes
def remove(client: Any, **values: Any) -> None:
    """Remove licenses that no upgrade has used.

    \b
    Examples:
      fotapool licenses remove 0242078689-00001 990000000000019
      fotapool licenses remove 0242078689-00001 --file devices.csv --check
      fotapool licenses remove 0242078689-00001 --file devices.csv --results out.csv

    A device without a license counts as a success: an earlier run whose response was lost may have removed it.

    From 1,000 devices on, confirm by typing their number. Exit code 5: not confirmed, nothing was changed.
    """
    _run(client, "remove", **values)


def _run(client: Any, action: str, account: str, check: bool, version: str, as_json: bool, **given: Any) -> None:
    # imported on use: it imports the HTTP library
    from fotapool.cli.client.licenses.bulk import BulkRun, send_changes, send_checks

    results, resume = given["results"], given["resume"]
    if resume and results is None:
        raise click.UsageError("--resume continues a result file: name it with --results")
    if check and resume:
        raise click.UsageError("--check cannot be combined with --resume")
    file = FailedLinesFile(given["failed_lines"])
    found = read_list(given, file)
    if action == "remove" and not check and len(found.devices) >= CONFIRMED_FROM:
        number = str(len(found.devices))
        confirm(f"Type {number} to remove the licenses of {number} devices of {account}", number, given["yes"])
    send = (send_checks if check else send_changes)(client, account, version, action)
    label = f"check {action}" if check else action
    run = BulkRun(client=client, account=account, action=label, send=send, as_json=as_json)
    run.add_refused = lambda device, why: found.failed.add(found.devices[device], device, why, {ID: device})
    run.run(
        devices=list(found.devices), results=results, resume=resume, batch=given["batch"], parallel=given["parallel"]
    )
    file.write_lines(found.failed)
    _print_summary(run, as_json)


def _print_summary(run: Any, as_json: bool) -> None:
    if not as_json:
        click.echo(f"{'OUTCOME':<16}  {'DEVICES':>9}")
        for outcome, count in run.counts.items():
            click.echo(f"{outcome:<16}  {count:>9,}  {outcome.meaning}")
        for device, outcome, message in run.refused:
            stderr_note(f"  {device}  {outcome}  {message}")
    stderr_note(run.summary())
    if not all(outcome.is_success for outcome in run.counts):
        raise click.exceptions.Exit(SOME_REFUSED)
