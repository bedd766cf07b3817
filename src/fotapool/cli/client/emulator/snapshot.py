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
@options.of_plane
def save(plane: Any, file: str) -> None:
    """Write a snapshot into a file that only you can read, or with - to standard output.

    \b
    Example:
      fotapool snapshot save before.json
    """
    from fotapool.cli.client.failures import WrongInput
    from fotapool.cli.client.http.calls import decoded
    from fotapool.cli.client.output import remark

    response = plane.send("GET", "/snapshot")
    if response.status_code >= 400:
        decoded(response)
    if file == "-":
        sys.stdout.buffer.write(response.content)
        return
    beside = Path(f"{file}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as written:
            written.write(response.content)
        beside.replace(file)
    except OSError as error:
        raise WrongInput(f"{file} cannot be written: {error.strerror}") from error
    remark(f"{len(response.content):,} octets in {file}")


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@options.yes
@options.of_plane
def restore(plane: Any, file: str, yes: bool) -> None:
    """Replace all that the emulator has by a snapshot, or by a seed document.

    \b
    Examples:
      fotapool snapshot restore before.json --yes
      fotapool snapshot restore seed.yaml
    """
    from fotapool.cli.client.failures import WrongInput
    from fotapool.cli.client.http.calls import decoded
    from fotapool.cli.client.output import confirm, remark

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}") from error
    confirm("Type restore to lose what is there now", "restore", yes)
    response = plane.send("PUT", "/snapshot", content)
    if response.status_code >= 400:
        decoded(response)
    remark(f"{plane.target.address} is as in {file}")
