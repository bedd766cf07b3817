"""`fotapool licenses …`: assign, remove and list licenses by the documented API, for any number of devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.options import Command

VERSIONS = ("v1", "v2", "v3")
CHUNK, MAX_CHUNK = 5_000, 10_000
PARALLEL, MAX_PARALLEL = 8, 16

_version = click.option(
    "--api", "version", type=click.Choice(VERSIONS), default="v3", show_default=True, help="Version of the API."
)


@click.group()
def licenses() -> None:
    """Assign, remove and list licenses, by the documented API.

    \b
    Examples:
      fotapool licenses show 0242078689-00001
      fotapool licenses assign 0242078689-00001 990000000000019 990000000000027
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv
      fotapool licenses list 0242078689-00001 --json | head
    """


@licenses.command()
@options.account
@_version
@options.as_json
@options.api_client_options
def show(api: Any, account: str, version: str, as_json: bool) -> None:
    """Show how many licenses the account has, and how many are used.

    \b
    Example:
      fotapool licenses show 0242078689-00001
    """
    from fotapool.cli.client.output import print_record

    print_record(
        api.call("GET", f"/{version}/subscriptions/{account}"),
        as_json,
        {
            "accountName": "account",
            "purchaseType": "purchase type",
            "licenseCount": "licenses",
            "licenseUsedCount": "used",
            "updateTime": "changed",
        },
    )


@licenses.command("list")
@options.account
@_version
@options.limit
@options.as_json
@options.api_client_options
def list_licenses(api: Any, account: str, version: str, limit: int | None, as_json: bool) -> None:
    """List the devices that have a license, by IMEI.

    \b
    Examples:
      fotapool licenses list 0242078689-00001 --limit 20
      fotapool licenses list 0242078689-00001 --json > licensed.jsonl
    """
    from fotapool.cli.client.output import Column, print_rows

    path = f"/{version}/licenses/{account}" + ("/index/{cursor}" if version == "v1" else "")
    rows = api.pages(path, "deviceList", "lastSeenDeviceId")
    columns = [Column("DEVICE", "deviceId"), Column("ASSIGNED", "assignmentTime")]
    empty = f"No device has a license. Assign one: fotapool licenses assign {account} DEVICE"
    print_rows(rows=rows, columns=columns, as_json=as_json, limit=limit, empty=empty)


def _bulk(command: Command) -> Command:
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
            help="Requests under way at a time.",
        ),
        click.option(
            "--chunk",
            type=click.IntRange(1, MAX_CHUNK),
            default=CHUNK,
            show_default=True,
            help="Devices in one request.",
        ),
        click.option("--resume", is_flag=True, help="Leave out the devices that the result file has an outcome of."),
        click.option(
            "--results",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write each device's outcome there, as CSV.",
        ),
        click.option("--check", is_flag=True, help="Change nothing; say what would become of each device."),
        options.devices,
        options.account,
    ):
        command = option(command)
    return command


@licenses.command()
@_bulk
def assign(api: Any, **values: Any) -> None:
    """Assign licenses to devices: some, or any number from a file or a pipe.

    \b
    Examples:
      fotapool licenses assign 0242078689-00001 990000000000019
      fotapool licenses assign 0242078689-00001 --file devices.csv --check
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv
      fotapool licenses assign 0242078689-00001 --file devices.csv --results out.csv --resume
      grep -v ^# devices.txt | fotapool licenses assign 0242078689-00001 --file -

    Devices are sent in chunks, several at a time. A device that has a license keeps it and takes no second one, so the
    command can always be given again. Exit code 1 says that some devices were refused; `--results` has all of them.
    """
    _run(api, "assign", **values)


@licenses.command()
@_bulk
def remove(api: Any, **values: Any) -> None:
    """Take licenses away that no upgrade has used.

    \b
    Examples:
      fotapool licenses remove 0242078689-00001 990000000000019
      fotapool licenses remove 0242078689-00001 --file devices.csv --check
      fotapool licenses remove 0242078689-00001 --file devices.csv --results out.csv

    A device without a license counts as done: it may be that an earlier try removed it, and its answer was lost.
    """
    _run(api, "remove", **values)


def _run(
    api: Any,
    action: str,
    account: str,
    device: tuple[str, ...],
    path: str | None,
    skip_malformed: bool,
    check: bool,
    results: Path | None,
    resume: bool,
    chunk: int,
    parallel: int,
    version: str,
    as_json: bool,
) -> None:
    from fotapool.cli.client.devices.device_lists import read_devices
    from fotapool.cli.client.licenses.bulk import Bulk, assigning, checking, removing

    if resume and results is None:
        raise click.UsageError("--resume goes on with a result file: name it with --results")
    if check and results is not None and resume:
        raise click.UsageError("--check has nothing to resume")
    devices = read_devices(device, path, skip_malformed)
    how: Callable[..., Any] = checking if check else assigning if action == "assign" else removing
    bulk = Bulk(
        api=api,
        account=account,
        action=f"check {action}" if check else action,
        ask=how(api, account, version, action),
        as_json=as_json,
    )
    bulk.run(devices=devices, results=results, resume=resume, chunk=chunk, parallel=parallel)
    _summarize(bulk, as_json)


def _summarize(bulk: Any, as_json: bool) -> None:
    from fotapool.cli.client.failures import SOME_REFUSED
    from fotapool.cli.client.licenses.outcomes import MEANINGS
    from fotapool.cli.client.output import stderr_note

    counts: Counter[Any] = bulk.counts
    if not as_json:
        click.echo(f"{'OUTCOME':<16}  {'DEVICES':>9}")
        for outcome, count in counts.items():
            click.echo(f"{outcome:<16}  {count:>9,}  {MEANINGS[outcome]}")
        for device, outcome, message in bulk.refused:
            stderr_note(f"  {device}  {outcome}  {message}")
    stderr_note(bulk.stderr_note())
    if any(not outcome.is_good for outcome in counts):
        raise click.exceptions.Exit(SOME_REFUSED)
