"""`fotapool candidates …`: the cancellation candidates, by version 2 of the documented API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fotapool.cli.client import options
from fotapool.cli.client.devices.device_lists import in_batches, read_devices
from fotapool.cli.client.output import print_result, print_rows, progress
from fotapool.cli.client.resources import resource_group

BATCH = 10_000
"""Devices in one request. A longer list is sent as one request that replaces and others that append."""


@resource_group
def candidates() -> None:
    """Manage the list of devices that lose their license first when the subscription is reduced.

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
def list_candidates(client: Any, account: str, limit: int | None, as_json: bool) -> None:
    """List the candidates, in the order in which they lose their license.

    \b
    Example:
      fotapool candidates list 0242078689-00001 --json
    """
    rows = ({"place": place, "deviceId": device} for place, device in enumerate(_read_candidates(client, account), 1))
    empty = "The list is empty: a reduction takes the oldest licenses first."
    print_rows(rows=rows, shown="place deviceId:device", as_json=as_json, limit=limit, empty=empty)


def _read_candidates(client: Any, account: str) -> Iterator[str]:
    """All candidates. The API's pages start at a record number, from 0 on."""
    start = 0
    while True:
        page = client.call("GET", f"/v2/licenses/{account}/cancel", query={"startIndex": start})
        yield from page["deviceList"]
        start += len(page["deviceList"])
        if not page["hasMoreData"] or not page["deviceList"]:
            return


@candidates.command()
@options.account
@options.devices
@options.as_json
@options.api_client_options
def replace(client: Any, account: str, as_json: bool, **given: Any) -> None:
    """Replace the list by these devices, in this order.

    \b
    Example:
      fotapool candidates replace 0242078689-00001 --file old-devices.csv
    """
    _send(client, account, as_json, appending=False, **given)


@candidates.command()
@options.account
@options.devices
@options.as_json
@options.api_client_options
def append(client: Any, account: str, as_json: bool, **given: Any) -> None:
    """Append these devices to the list. Devices that are already on it keep their place.

    \b
    Example:
      fotapool candidates append 0242078689-00001 990000000000019 990000000000027
    """
    _send(client, account, as_json, appending=True, **given)


def _send(client: Any, account: str, as_json: bool, appending: bool, **given: Any) -> None:
    devices = read_devices(given)
    answer: dict[str, Any] = {}
    with progress("candidates", len(devices)) as advance:
        for batch in in_batches(devices, BATCH):
            body = {"deviceList": batch, **({"type": "append"} if appending else {})}
            answer = client.call("POST", f"/v2/licenses/{account}/cancel", body)
            appending = True
            advance(len(batch))
    count = answer["count"]
    print_result(f"{count:,} devices are on the list of {account}", as_json, {"count": count})
