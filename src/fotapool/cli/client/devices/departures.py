"""`fotapool devices delete`, `devices move` and `devices erase`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from fotapool.cli.client import options
from fotapool.cli.client.devices.device_lists import in_batches, read_devices
from fotapool.cli.client.failures import SOME_REFUSED, Unreachable
from fotapool.cli.client.output import confirm, print_json, stderr_note

SENT_AT_ONCE = 10_000
MAX_SHOWN = 20


@click.command("delete")
@options.account
@options.devices
@options.yes
@options.as_json
@options.admin_client_options
def delete_devices(client: Any, account: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Delete devices of an account. Their history stays readable.

    \b
    Examples:
      fotapool devices delete 0242078689-00001 990003425730535
      fotapool devices delete 0242078689-00001 --file devices.csv --yes

    A device with a scheduled or running upgrade is refused and stays. An unused license is removed; a used one stays
    counted until a reduction takes it. Confirm by typing the account's name. Exit code 1: some devices were refused.
    """
    found = read_devices(given)
    confirm(f"Type {account} to delete {len(found):,} of its devices", account, yes)
    result = send_list(client, f"/accounts/{account}/device-deletions", found)
    _print(result, "deleted", as_json)


@click.command("move")
@options.account
@click.argument("to", type=options.AccountName(), metavar="TO")
@options.devices
@options.yes
@options.as_json
@options.admin_client_options
def move_devices(client: Any, account: str, to: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Move devices from ACCOUNT to the account TO. Licenses do not move.

    \b
    Examples:
      fotapool devices move 0242078689-00001 0242078689-00002 990003425730535
      fotapool devices move 0242078689-00001 0242078689-00002 --file devices.csv --yes

    A device with a scheduled or running upgrade is refused and stays. An unused license is removed; a used one stays
    counted until a reduction takes it. Confirm by typing ACCOUNT's name. Exit code 1: some devices were refused.
    """
    found = read_devices(given)
    confirm(f"Type {account} to move {len(found):,} of its devices to {to}", account, yes)
    result = send_list(client, f"/accounts/{account}/device-moves?to={to}", found)
    _print(result, f"moved to {to}", as_json)


@click.command("erase")
@options.account
@options.devices
@options.yes
@options.as_json
@options.admin_client_options
def erase_devices(client: Any, account: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Erase the personal data of devices: MDN, logs, failure messages. Licenses and records stay.

    \b
    Examples:
      fotapool devices erase 0242078689-00001 990003425730535
      fotapool devices erase 0242078689-00001 --file devices.csv --yes

    Devices that have left the account are erased too. Confirm by typing the account's name. Exit code 1: some devices
    were refused.
    """
    found = read_devices(given)
    confirm(f"Type {account} to erase the personal data of {len(found):,} of its devices", account, yes)
    result = send_list(client, f"/accounts/{account}/device-erasures", found)
    text = (
        f"{result['done']:,} of {result['lines']:,} devices erased: {result['mdns']:,} MDNs, {result['logs']:,} log "
        f"entries, {result['failureMessages']:,} failure messages, {result['listLines']:,} skipped lines of bulk lists"
    )
    print_list_result(result, text, as_json)


def send_list(client: Any, path: str, found: Sequence[str]) -> dict[str, Any]:
    """Posts the devices; the result of the list."""
    try:
        result: dict[str, Any] = client.upload(path, _lines(found), "application/x-ndjson")
    except Unreachable as failure:
        failure.notes.append("Devices received before are done. Run the command again: it is safe to repeat.")
        raise
    return result


def _lines(found: Sequence[str]) -> Iterator[bytes]:
    for batch in in_batches(found, SENT_AT_ONCE):
        yield b"".join(msgspec.json.encode({"deviceId": device}) + b"\n" for device in batch)


def _print(result: dict[str, Any], done: str, as_json: bool) -> None:
    text = f"{result['licensesRemoved']:,} licenses removed, {result['licensesKept']:,} stay counted"
    print_list_result(result, f"{result['done']:,} of {result['lines']:,} devices {done}; {text}", as_json)


def print_list_result(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Prints the result of a list, and which devices were refused; exit code 1 if some were."""
    if as_json:
        print_json(result)
    else:
        click.echo(text)
        for one in result["errors"][:MAX_SHOWN]:
            stderr_note(f"  {one['deviceId']} {one['code']}: {one['error']}")
        if result["failed"] > MAX_SHOWN:
            stderr_note(f"  … and {result['failed'] - MAX_SHOWN:,} more; --json prints up to 1,000 of them")
    if result["failed"]:
        raise click.exceptions.Exit(SOME_REFUSED)
