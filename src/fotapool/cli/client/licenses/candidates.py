"""`fotapool candidates …`: the list of those that lose their license first, by the documented API (version 2)."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options

CHUNK = 10_000
"""Devices of one request; a longer list is sent as one that replaces and others that append."""


@click.group()
def candidates() -> None:
    """Say which devices lose their license first when the subscription shrinks, by the documented API.

    \b
    Examples:
      fotapool candidates list 0242078689-00001
      fotapool candidates append 0242078689-00001 990000000000019
      fotapool candidates replace 0242078689-00001 --file old-devices.csv
      fotapool candidates clear 0242078689-00001
    """


@candidates.command("list")
@options.account
@options.limit
@options.as_json
@options.api_client_options
def list_candidates(api: Any, account: str, limit: int | None, as_json: bool) -> None:
    """List the candidates in the order in which they lose their license.

    \b
    Example:
      fotapool candidates list 0242078689-00001 --json
    """
    from fotapool.cli.client.output import Column, print_rows

    rows = ({"place": place, "deviceId": device} for place, device in enumerate(_all(api, account), 1))
    columns = [Column("PLACE", "place", True), Column("DEVICE", "deviceId")]
    empty = "The list is empty: when the subscription shrinks, the oldest licenses go first."
    print_rows(rows=rows, columns=columns, as_json=as_json, limit=limit, empty=empty)


def _all(api: Any, account: str) -> Any:
    """The list goes on by record number, whose first is 0."""
    start = 0
    while True:
        page = api.call("GET", f"/v2/licenses/{account}/cancel", query={"startIndex": start})
        yield from page["deviceList"]
        start += len(page["deviceList"])
        if not page["hasMoreData"] or not page["deviceList"]:
            return


@candidates.command()
@options.account
@options.devices
@options.as_json
@options.api_client_options
def replace(api: Any, account: str, as_json: bool, **given: Any) -> None:
    """Make these devices the whole list, in this order.

    \b
    Example:
      fotapool candidates replace 0242078689-00001 --file old-devices.csv
    """
    _send(api, account, as_json, given, appending=False)


@candidates.command()
@options.account
@options.devices
@options.as_json
@options.api_client_options
def append(api: Any, account: str, as_json: bool, **given: Any) -> None:
    """Put these devices at the end of the list; one that is on it keeps its place.

    \b
    Example:
      fotapool candidates append 0242078689-00001 990000000000019 990000000000027
    """
    _send(api, account, as_json, given, appending=True)


def _send(api: Any, account: str, as_json: bool, given: dict[str, Any], appending: bool) -> None:
    from fotapool.cli.client.devices.device_lists import in_chunks, read_devices
    from fotapool.cli.client.output import done, progress

    devices = read_devices(given["device"], given["path"], given["skip_malformed"])
    answer: dict[str, Any] = {}
    with progress("candidates", len(devices)) as advance:
        for chunk in in_chunks(devices, CHUNK):
            body = {"deviceList": chunk, **({"type": "append"} if appending else {})}
            answer = api.call("POST", f"/v2/licenses/{account}/cancel", body)
            appending = True
            advance(len(chunk))
    done(f"{answer['count']:,} devices are on the list of {account}", as_json, {"count": answer["count"]})


@candidates.command()
@options.account
@options.yes
@options.as_json
@options.api_client_options
def clear(api: Any, account: str, yes: bool, as_json: bool) -> None:
    """Delete the list.

    \b
    Example:
      fotapool candidates clear 0242078689-00001 --yes
    """
    from fotapool.cli.client.output import confirm, done

    confirm(f"Type {account} to delete its list", account, yes)
    answer = api.call("DELETE", f"/v2/licenses/{account}/cancel")
    done(f"the list of {account} is empty", as_json, answer)
