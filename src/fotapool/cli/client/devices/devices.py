"""`fotapool devices …`: import devices into an account, and list what the operator sees of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import click

from fotapool.cli.client import options

KINDS = {"csv": "text/csv", "ndjson": "application/x-ndjson", "json": "application/json"}
_BY_ENDING = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}
BLOCK = 256 * 1024
"""Octets that are read and sent at a time."""
TOLD = 20


@click.group()
def devices() -> None:
    """Import devices into an account, and list them.

    \b
    Examples:
      fotapool devices import 0242078689-00001 devices.csv
      fotapool devices list 0242078689-00001 --limit 20
    """


@devices.command("list")
@options.account
@options.limit
@options.as_json
@options.admin_client_options
def list_devices(plane: Any, account: str, limit: int | None, as_json: bool) -> None:
    """List the account's devices by IMEI.

    \b
    Examples:
      fotapool devices list 0242078689-00001
      fotapool devices list 0242078689-00001 --json | fotapool licenses assign 0242078689-00001 --file -
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [
        Column("DEVICE", "deviceId"),
        Column("MAKE", "make"),
        Column("MODEL", "model"),
        Column("FIRMWARE", "firmware"),
        Column("PROTOCOL", "protocol"),
        Column("STATUS", "status"),
        Column("LICENSED", "licensed"),
        Column("SINCE", "licensedAt"),
        Column("UPGRADE", "openUpgrade"),
        Column("REACHABLE", "reachable"),
    ]
    rows = plane.pages(f"/accounts/{account}/devices", "devices", "deviceId")
    print_rows(
        rows=rows,
        columns=columns,
        as_json=as_json,
        limit=limit,
        empty=f"No devices. Import some: fotapool devices import {account} FILE",
    )


@devices.command("import")
@options.account
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@click.option("--format", "kind", type=click.Choice(list(KINDS)), help="What FILE is; by default its ending says so.")
@options.as_json
@options.admin_client_options
def import_devices(plane: Any, account: str, file: str, kind: str | None, as_json: bool) -> None:
    """Import devices from a file of CSV, NDJSON or JSON, or from a pipe (-), of any length.

    \b
    Examples:
      fotapool devices import 0242078689-00001 devices.csv
      fotapool devices import 0242078689-00001 - --format ndjson < devices.ndjson

    CSV has a header: deviceId, and any of make, model, firmware, protocol, mdn, licensed, licensedAt. Good lines are
    kept, bad ones told; it does no harm to import a file again. Exit code 1 says that some lines were bad.
    """
    from fotapool.cli.client.failures import SOME_REFUSED, Unreachable, UsageError
    from fotapool.cli.client.output import print_json

    kind = kind or _BY_ENDING.get(Path(file).suffix.lower())
    if kind is None:
        raise UsageError(f"what {file} has cannot be told by its name", "Say it: --format csv, ndjson or json.")
    try:
        result = _send(plane, account, file, kind)
    except Unreachable as failure:
        failure.notes.append("What was read before is kept. Give the same command again: it does no harm.")
        raise
    if as_json:
        print_json(result)
    else:
        _show(result)
    if result["failed"]:
        raise click.exceptions.Exit(SOME_REFUSED)


def _send(plane: Any, account: str, path: str, kind: str) -> dict[str, Any]:
    """As a stream, which cannot be sent again by itself."""
    from httpx_retries import Retry

    from fotapool.cli.client.failures import UsageError
    from fotapool.cli.client.http.calls import parse_response
    from fotapool.cli.client.output import progress

    try:
        opened = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    with opened as file:
        size = Path(path).stat().st_size if path != "-" else None
        with progress("import", size, unit="octets") as advance:
            response = plane.send(
                "POST", f"/accounts/{account}/devices", _blocks(file, advance), kind=KINDS[kind], retry=Retry(total=0)
            )
    result: dict[str, Any] = parse_response(response)
    return result


def _blocks(file: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
        advance(len(block))


def _show(result: dict[str, Any]) -> None:
    from fotapool.cli.client.output import stderr_note

    click.echo(
        f"{result['kept']:,} of {result['lines']:,} devices imported, {result['licensed']:,} with a license; "
        f"{result['failed']:,} failed, {result['warned']:,} with a warning"
    )
    for what in ("errors", "warnings"):
        for told in result[what][:TOLD]:
            stderr_note(f"  line {told['line']}: {told['deviceId']} {told['error']}")
        if len(result[what]) > TOLD:
            stderr_note(f"  … and {len(result[what]) - TOLD:,} further {what}: --json has the first of them all")
