"""`fotapool snapshot …`: all that an emulator has, as one file, out and in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from fotapool.cli.client import options


@click.group()
def snapshot() -> None:
    """Keep what the emulator has in a file, and go back to it.

    \b
    Examples:
      fotapool snapshot save before.json
      fotapool snapshot restore before.json
    """


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@options.admin_client_options
def save(plane: Any, file: str) -> None:
    """Write a snapshot into a file that only you can read, or with - to standard output.

    \b
    Example:
      fotapool snapshot save before.json
    """
    from fotapool.cli.client.failures import UsageError
    from fotapool.cli.client.http.calls import parse_response
    from fotapool.cli.client.output import stderr_note

    response = plane.send("GET", "/snapshot")
    if response.status_code >= 400:
        parse_response(response)
    if file == "-":
        sys.stdout.buffer.write(response.content)
        return
    beside = Path(f"{file}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as written:
            written.write(response.content)
        beside.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    stderr_note(f"{len(response.content):,} bytes in {file}")


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@options.yes
@options.admin_client_options
def restore(plane: Any, file: str, yes: bool) -> None:
    """Replace all that the emulator has by a snapshot, or by a seed document.

    \b
    Examples:
      fotapool snapshot restore before.json --yes
      fotapool snapshot restore seed.yaml
    """
    from fotapool.cli.client.failures import UsageError
    from fotapool.cli.client.http.calls import parse_response
    from fotapool.cli.client.output import confirm, stderr_note

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    confirm("Type restore to lose what is there now", "restore", yes)
    response = plane.send("PUT", "/snapshot", content)
    if response.status_code >= 400:
        parse_response(response)
    stderr_note(f"{plane.target.address} is as in {file}")
