"""`fotapool snapshot …`: the emulator's state as a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from fotapool.cli.client import options
from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.output import confirm, stderr_note

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@click.group()
def snapshot() -> None:
    """Save the emulator's state to a file, restore it, and add a seed document to it.

    \b
    Examples:
      fotapool snapshot save before.json
      fotapool snapshot restore before.json
    """


@snapshot.command()
@options.file
@options.admin_client_options
def save(client: Any, file: str) -> None:
    """Save a snapshot to a file that only you can read, or print it (-).

    \b
    Example:
      fotapool snapshot save before.json
    """
    response = client.send("GET", "/snapshot")
    content = response.content
    try:
        is_snapshot = "snapshot" in _members.decode(content)
    except msgspec.DecodeError:
        is_snapshot = False
    if not is_snapshot:
        from fotapool.cli.client.http.calls import unexpected_response

        raise unexpected_response(response, "not a snapshot")
    if file == "-":
        sys.stdout.buffer.write(content)
        return
    part = Path(f"{file}.{os.getpid()}")
    try:
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as written:
            written.write(content)
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    stderr_note(f"Saved {len(content):,} bytes to {file}.")


@snapshot.command()
@options.file
@options.yes
@options.admin_client_options
def restore(client: Any, file: str, yes: bool) -> None:
    """Replace the emulator's state by a snapshot or a seed document.

    \b
    Examples:
      fotapool snapshot restore before.json --yes
      fotapool snapshot restore seed.yaml
    """
    content = _read(file)
    confirm("Type restore to replace the current state", "restore", yes)
    client.send("PUT", "/snapshot", content)
    stderr_note(f"Restored {client.target.address} from {file}.")


@snapshot.command()
@options.file
@options.admin_client_options
def add(client: Any, file: str) -> None:
    """Add the accounts, users, clients and firmware of a seed document. None of them may exist.

    \b
    Example:
      fotapool snapshot add accounts.yaml
    """
    client.send("POST", "/seed", _read(file))
    stderr_note(f"Added {file} to {client.target.address}.")


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
