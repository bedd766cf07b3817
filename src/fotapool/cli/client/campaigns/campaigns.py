"""`fotapool campaigns …`: schedule, watch, list and cancel campaigns, by the documented API."""

from __future__ import annotations

import re
from typing import Any

import click

from fotapool.cli.client import options

CHUNK = 10_000
"""Devices of the request that schedules; further ones are added afterwards."""
STATUSES = (
    "CampaignRequestPending",
    "CampaignRequestQueued",
    "CampaignPreScheduled",
    "CampaignScheduled",
    "CampaignEnded",
    "CampaignCancelled",
    "CampaignAborted",
    "CampaignFailed",
    "CampaignRequestFailed",
)
"""In the order of a campaign's life; the list has to be asked for one of them at a time."""
_WINDOW = re.compile(r"(\d{1,2})-(\d{1,2})")

campaign = click.argument("campaign", metavar="CAMPAIGN")
version = click.option(
    "--api",
    "version",
    type=click.Choice(["v2", "v3"]),
    default="v3",
    show_default=True,
    help="v3: firmware, network-aware push. v2: software, pull.",
)


@click.group()
def campaigns() -> None:
    """Schedule campaigns and follow them, by the documented API.

    \b
    Examples:
      fotapool campaigns firmware 0242078689-00001
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 --file devices.csv
      fotapool campaigns watch 0242078689-00001 CAMPAIGN
    """


@campaigns.command()
@options.account
@options.as_json
@options.api_client_options
def firmware(api: Any, account: str, as_json: bool) -> None:
    """List the firmware that fits devices of the account.

    \b
    Example:
      fotapool campaigns firmware 0242078689-00001
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [
        Column("FIRMWARE", "firmwareName"),
        Column("FROM", "firmwareFrom"),
        Column("TO", "firmwareTo"),
        Column("MAKE", "make"),
        Column("MODEL", "model"),
        Column("PROTOCOL", "protocol"),
    ]
    print_rows(
        rows=api.call("GET", f"/v3/firmware/{account}"),
        columns=columns,
        as_json=as_json,
        limit=None,
        empty="No firmware fits any device.",
    )


def _window(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[dict[str, int]]:
    windows = []
    for text in given:
        found = _WINDOW.fullmatch(text)
        if not found:
            raise click.BadParameter(f"{text!r} is no window of hours like 22-24")
        windows.append({"startTime": int(found[1]), "endTime": int(found[2])})
    return windows


@campaigns.command()
@options.account
@options.devices
@click.option(
    "--firmware", "name", required=True, metavar="NAME", help="What to install: see `fotapool campaigns firmware`."
)
@click.option("--start", required=True, metavar="DATE", help="First day, as 2026-12-01 (UTC).")
@click.option("--end", required=True, metavar="DATE", help="Last day.")
@click.option("--name", "campaign_name", metavar="TEXT", help="The campaign's own name.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    callback=_window,
    metavar="HOURS",
    help="Only in these hours, as 1-5 (UTC); may be repeated.",
)
@click.option("--auto-assign", is_flag=True, help="Assign licenses to devices that lack one (v3).")
@click.option("--auto-add", is_flag=True, help="Take every further device that fits (v3).")
@version
@options.as_json
@options.api_client_options
def create(api: Any, account: str, version: str, as_json: bool, **given: Any) -> None:
    """Schedule a campaign for some devices, or any number from a file or a pipe.

    \b
    Examples:
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 990000000000019 990000000000027
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 --window 1-5 --auto-assign --file devices.csv

    The answer says that the campaign was accepted; `watch` tells what becomes of it.
    """
    from fotapool.cli.client.devices.device_lists import in_chunks, read_devices
    from fotapool.cli.client.output import print_record, progress, stderr_note

    if version == "v2" and (given["auto_assign"] or given["auto_add"]):
        raise click.UsageError("--auto-assign and --auto-add are for --api v3")
    chunks = in_chunks(devices := read_devices(given["device"], given["path"], given["skip_malformed"]), CHUNK)
    body = _body_v3(given) if version == "v3" else _body_v2(given)
    kind = "firmware" if version == "v3" else "software"
    with progress("schedule", len(devices)) as advance:
        made = _create(api, f"/{version}/campaigns/{kind}/{account}", {**body, "deviceList": next(chunks)})
        advance(min(CHUNK, len(devices)))
        path = f"/{version}/campaigns/{'firmware/' if version == 'v3' else ''}{account}/{made['id']}"
        for chunk in chunks:
            api.call("PUT", path, {"type": "append", "deviceList": chunk})
            advance(len(chunk))
    made.pop("deviceList", None)
    print_record(made, as_json)
    stderr_note(
        f"Follow it: fotapool campaigns watch {account} {made['id']}" + (" --api v2" if version == "v2" else "")
    )


def _create(api: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Never sent twice: two campaigns would come of it."""
    from fotapool.cli.client.failures import Unreachable
    from fotapool.cli.client.http.calls import ONCE

    try:
        made: dict[str, Any] = api.call("POST", path, body, retry=ONCE)
    except Unreachable as error:
        error.notes.append(
            "It may have been scheduled all the same: see `fotapool campaigns list` before you repeat it."
        )
        raise
    return made


def _body_v3(given: dict[str, Any]) -> dict[str, Any]:
    body = {
        "firmwareName": given["name"],
        "startDate": given["start"],
        "endDate": given["end"],
        "campaignName": given["campaign_name"],
        "campaignTimeWindowList": given["windows"] or None,
        "autoAssignLicenseFlag": given["auto_assign"] or None,
        "autoAddDevicesFlag": given["auto_add"] or None,
    }
    return {member: value for member, value in body.items() if value is not None}


def _body_v2(given: dict[str, Any]) -> dict[str, Any]:
    body = {
        "softwareName": given["name"],
        "startDate": given["start"],
        "endDate": given["end"],
        "campaignName": given["campaign_name"],
        "downloadTimeWindowList": given["windows"] or None,
    }
    return {member: value for member, value in body.items() if value is not None}


@campaigns.command("list")
@options.account
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only campaigns in this state.")
@version
@options.limit
@options.as_json
@options.api_client_options
def list_campaigns(api: Any, account: str, status: str | None, version: str, limit: int | None, as_json: bool) -> None:
    """List campaigns of the last six months, by state and then the oldest first.

    \b
    Examples:
      fotapool campaigns list 0242078689-00001
      fotapool campaigns list 0242078689-00001 --status CampaignScheduled --json
    """
    from fotapool.cli.client.output import Column, print_rows

    path = f"/v3/reports/{account}/firmware/campaigns" if version == "v3" else f"/v2/reports/{account}/campaigns"
    statuses = (
        (status,) if status else tuple(one for one in STATUSES if version == "v3" or one != "CampaignPreScheduled")
    )
    rows = (row for one in statuses for row in _of_status(api, path, one))
    what = "firmwareName" if version == "v3" else "softwareName"
    columns = [
        Column("CAMPAIGN", "id"),
        Column("STATUS", "status"),
        Column("INSTALLS", what),
        Column("START", "startDate"),
        Column("END", "endDate"),
        Column("NAME", "campaignName"),
    ]
    print_rows(
        rows=rows,
        columns=columns,
        as_json=as_json,
        limit=limit,
        empty="No campaigns. Schedule one: fotapool campaigns create --help",
    )


def _of_status(api: Any, path: str, status: str) -> Any:
    after: dict[str, str] = {}
    while True:
        page = api.call("GET", path, query={"campaignStatus": status, **after})
        yield from page["campaignList"]
        if not page["hasMoreData"] or not page["campaignList"]:
            return
        after = {"lastSeenCampaignId": page["lastSeenCampaignId"]}


@campaigns.command()
@options.account
@campaign
@version
@options.as_json
@options.api_client_options
def show(api: Any, account: str, campaign: str, version: str, as_json: bool) -> None:
    """Show a campaign.

    \b
    Example:
      fotapool campaigns show 0242078689-00001 60b5d639-ccdc-4db8-8824-069bd94c95bf
    """
    from fotapool.cli.client.http.api_client import segment
    from fotapool.cli.client.output import print_record

    print_record(api.call("GET", f"/{version}/campaigns/{account}/{segment(campaign)}"), as_json)


@campaigns.command()
@options.account
@campaign
@click.option("--status", metavar="WORD", help="Only devices with this status, as UpgradeFailed.")
@version
@options.limit
@options.as_json
@options.api_client_options
def devices(
    api: Any, account: str, campaign: str, status: str | None, version: str, limit: int | None, as_json: bool
) -> None:
    """List a campaign's devices with what became of each.

    \b
    Examples:
      fotapool campaigns devices 0242078689-00001 CAMPAIGN
      fotapool campaigns devices 0242078689-00001 CAMPAIGN --status UpgradeFailed --json
    """
    from fotapool.cli.client.campaigns.watch import devices_of
    from fotapool.cli.client.output import Column, print_rows

    found = devices_of(api, account, campaign, version)
    rows = (row for row in found if status is None or row["status"].lower() == status.lower())
    columns = [Column("DEVICE", "deviceId"), Column("STATUS", "status"), Column("REASON", "resultReason")]
    print_rows(rows=rows, columns=columns, as_json=as_json, limit=limit, empty="No such devices in this campaign.")


@campaigns.command()
@options.account
@campaign
@click.option(
    "--every", type=click.IntRange(1, 3600), default=5, show_default=True, metavar="SECONDS", help="How often to look."
)
@click.option("--once", is_flag=True, help="Look once.")
@version
@options.as_json
@options.api_client_options
def watch(api: Any, account: str, campaign: str, every: int, once: bool, version: str, as_json: bool) -> None:
    """Show a campaign's progress by status until it has ended.

    \b
    Examples:
      fotapool campaigns watch 0242078689-00001 CAMPAIGN
      fotapool campaigns watch 0242078689-00001 CAMPAIGN --once --json

    Exit code 1 says that it has ended and that not every device was upgraded.
    """
    from fotapool.cli.client.campaigns.watch import Watch

    code = Watch(api=api, account=account, campaign=campaign, version=version, as_json=as_json).run(every, once)
    if code:
        raise click.exceptions.Exit(code)


@campaigns.command()
@options.account
@campaign
@options.yes
@version
@options.as_json
@options.api_client_options
def cancel(api: Any, account: str, campaign: str, yes: bool, version: str, as_json: bool) -> None:
    """Cancel a campaign before its start; by v2 also later, which lets the upgrades that run end.

    \b
    Example:
      fotapool campaigns cancel 0242078689-00001 CAMPAIGN --yes
    """
    from fotapool.cli.client.http.api_client import segment
    from fotapool.cli.client.output import confirm, done

    confirm(f"Type {account} to cancel its campaign {campaign}", account, yes)
    answer = api.call("DELETE", f"/{version}/campaigns/{account}/{segment(campaign)}")
    done(f"campaign {campaign} is canceled", as_json, answer)
