"""`fotapool campaigns …`, by the documented API."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import click

from fotapool.cli.client import options
from fotapool.cli.client.campaigns.watch import Watch, read_devices_of
from fotapool.cli.client.devices.device_lists import in_batches, read_devices
from fotapool.cli.client.operations import Operation, make_command
from fotapool.cli.client.output import print_record, print_rows, progress, stderr_note
from fotapool.cli.client.resources import resource_group

BATCH = 10_000
"""Devices in the request that creates the campaign. More devices are added by further requests."""
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
"""In the order of a campaign's life. The API lists the campaigns of one status at a time."""
_WINDOW = re.compile(r"(\d{1,2})-(\d{1,2})")


@resource_group
def campaigns() -> None:
    """Schedule, watch, list and cancel campaigns.

    \b
    Examples:
      fotapool campaigns firmware 0242078689-00001
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 --file devices.csv
      fotapool campaigns watch 0242078689-00001 CAMPAIGN
    """


def _window(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[dict[str, int]]:
    windows = []
    for text in given:
        found = _WINDOW.fullmatch(text)
        if not found:
            raise click.BadParameter(f"{text!r} is not a window of hours like 22-24")
        windows.append({"startTime": int(found[1]), "endTime": int(found[2])})
    return windows


CampaignStatusText = Literal[
    "pending",
    "rejected",
    "queued",
    "prescheduled",
    "running",
    "ended",
    "canceled",
    "aborted",
    "failed",
]
campaigns.add_command(
    make_command(
        Operation(
            name="all",
            help="List the campaigns of all accounts with their progress, running ones first.",
            examples=("campaigns all", "campaigns all --status running"),
            path="/campaigns",
            params=(
                click.option(
                    "--status", type=click.Choice(get_args(CampaignStatusText)), help="Only campaigns with this status."
                ),
            ),
            cursor="position",
            columns="account campaign.name:name campaign.status:status campaign.package:package"
            " campaign.devices:devices completed failed failedPercent:failed_percent campaign.endDate:ends"
            " campaign.id:id",
            empty="No campaigns yet.",
        )
    )
)


@campaigns.command()
@options.account
@options.devices
@click.option(
    "--firmware", "name", required=True, metavar="NAME", help="Package to install; see `fotapool campaigns firmware`."
)
@click.option("--start", required=True, metavar="DATE", help="First day (UTC), as 2026-12-01.")
@click.option("--end", required=True, metavar="DATE", help="Last day (UTC).")
@click.option("--name", "campaign_name", metavar="TEXT", help="Name of the campaign.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    callback=_window,
    metavar="HOURS",
    help="Hours in which devices are upgraded (UTC), as 1-5; can be repeated.",
)
@click.option("--auto-assign", is_flag=True, help="Assign licenses to devices that have none (v3).")
@click.option("--auto-add", is_flag=True, help="Add further devices that the package fits (v3).")
@options.campaign_version
@options.as_json
@options.api_client_options
def create(client: Any, account: str, version: str, as_json: bool, **given: Any) -> None:
    """Schedule a campaign for devices given as arguments, in a file or on standard input.

    \b
    Examples:
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 990000000000019 990000000000027
      fotapool campaigns create 0242078689-00001 --firmware Model-A_1To2 \\
        --start 2026-12-01 --end 2026-12-08 --window 1-5 --auto-assign --file devices.csv

    The campaign is accepted at once and checked later; follow it with `watch`.
    """
    is_v3 = version == "v3"
    if not is_v3 and (given["auto_assign"] or given["auto_add"]):
        raise click.UsageError("--auto-assign and --auto-add are for --api v3")
    devices = read_devices(given)
    batches = in_batches(devices, BATCH)
    path = f"/{version}/campaigns/{'firmware' if is_v3 else 'software'}/{account}"
    with progress("schedule", len(devices)) as advance:
        campaign = client.create(
            path,
            {**_body(given, is_v3), "deviceList": next(batches)},
            "It may have been scheduled nevertheless: check `fotapool campaigns list` before you repeat it.",
        )
        advance(min(BATCH, len(devices)))
        path = f"/{version}/campaigns/{'firmware/' if is_v3 else ''}{account}/{campaign['id']}"
        for batch in batches:
            client.call("PUT", path, {"type": "append", "deviceList": batch})
            advance(len(batch))
    campaign.pop("deviceList", None)
    print_record(campaign, as_json)
    stderr_note(f"Follow it: fotapool campaigns watch {account} {campaign['id']}{'' if is_v3 else ' --api v2'}")


def _body(given: dict[str, Any], is_v3: bool) -> dict[str, Any]:
    """The request's body for version 3 or 2."""
    body = {
        "firmwareName" if is_v3 else "softwareName": given["name"],
        "startDate": given["start"],
        "endDate": given["end"],
        "campaignName": given["campaign_name"],
        "campaignTimeWindowList" if is_v3 else "downloadTimeWindowList": given["windows"] or None,
        "autoAssignLicenseFlag": given["auto_assign"] or None,
        "autoAddDevicesFlag": given["auto_add"] or None,
    }
    return {member: value for member, value in body.items() if value is not None}


@campaigns.command("list")
@options.account
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only campaigns in this state.")
@options.campaign_version
@options.limit
@options.as_json
@options.api_client_options
def list_campaigns(
    client: Any, account: str, status: str | None, version: str, limit: int | None, as_json: bool
) -> None:
    """List campaigns of the last six months, by status, then oldest first.

    \b
    Examples:
      fotapool campaigns list 0242078689-00001
      fotapool campaigns list 0242078689-00001 --status CampaignScheduled --json
    """
    is_v3 = version == "v3"
    path = f"/v3/reports/{account}/firmware/campaigns" if is_v3 else f"/v2/reports/{account}/campaigns"
    statuses = [status] if status else [one for one in STATUSES if is_v3 or one != "CampaignPreScheduled"]
    rows = (
        row
        for one in statuses
        for row in client.pages(path, "campaignList", "lastSeenCampaignId", first=None, campaignStatus=one)
    )
    columns = (
        f"id:campaign status {'firmwareName' if is_v3 else 'softwareName'} startDate:start endDate:end campaignName"
    )
    empty = "No campaigns. Schedule one: fotapool campaigns create --help"
    print_rows(rows=rows, shown=columns, as_json=as_json, limit=limit, empty=empty)


@campaigns.command()
@options.account
@options.campaign
@click.option("--status", metavar="STATUS", help="Only devices with this status, as UpgradeFailed.")
@options.campaign_version
@options.limit
@options.as_json
@options.api_client_options
def devices(
    client: Any, account: str, campaign: str, status: str | None, version: str, limit: int | None, as_json: bool
) -> None:
    """List a campaign's devices with the result of each.

    \b
    Examples:
      fotapool campaigns devices 0242078689-00001 CAMPAIGN
      fotapool campaigns devices 0242078689-00001 CAMPAIGN --status UpgradeFailed --json
    """
    found = read_devices_of(client, account, campaign, version)
    rows = (row for row in found if status is None or row["status"].lower() == status.lower())
    columns = "deviceId:device status resultReason:reason"
    print_rows(rows=rows, shown=columns, as_json=as_json, limit=limit, empty="No devices match.")


@campaigns.command()
@options.account
@options.campaign
@click.option(
    "--every", type=click.IntRange(1, 3600), default=5, show_default=True, metavar="SECONDS", help="Polling interval."
)
@click.option("--once", is_flag=True, help="Poll once.")
@options.campaign_version
@options.as_json
@options.api_client_options
def watch(client: Any, every: int, once: bool, **given: Any) -> None:
    """Show a campaign's progress by status until it has ended.

    \b
    Examples:
      fotapool campaigns watch 0242078689-00001 CAMPAIGN
      fotapool campaigns watch 0242078689-00001 CAMPAIGN --once --json

    Exit code 1: the campaign has ended, and not all devices were upgraded.
    """
    code = Watch(client, **given).run(every, once)
    if code:
        raise click.exceptions.Exit(code)
