"""The table of resources: the list, show, create, delete and similar commands of each, as one request a row."""

from __future__ import annotations

from collections.abc import Callable

import click

from fotapool.cli.client import options
from fotapool.cli.client.identity_resources import IDENTITY
from fotapool.cli.client.operations import Operation, make_command
from fotapool.domain.accounts.retention import Kind

PURCHASE_TYPES = ("TS-HFOTA-MRC", "TS-HFOTA-EVNT", "TS-HFOTA-EVNT,TS-HFOTA-MRC")
ACCOUNT = "0242078689-00001"
_SUBSCRIPTION = "licenseCount:licenses licenseUsedCount:used free underNotice"
_ACCOUNT_MEMBERS = (
    f"name:account displayName:display_name notes status purchaseType {_SUBSCRIPTION} candidates createTime:created "
    "updateTime:subscription_changed nextBillingMonth"
)

PACKAGE = "Model-A_1To2"
_firmware = click.argument("firmware", metavar="NAME")
_PACKAGE_MEMBERS = (
    "firmwareName:firmware make model fromVersion:from toVersion:to protocol platformId:platform launchDate:launched "
    "succeeded failed proven provenByOperator:proven_by_operator hasContent:content contentLost:content_lost "
    "releaseNote:release_note"
)


def _set_status(name: str, status: str, help_text: str) -> Operation:
    return Operation(
        name=name,
        help=help_text,
        examples=(f"accounts {name} {ACCOUNT}",),
        method="PUT",
        path="/accounts/{account}/status",
        body={"status": status},
        message="account {account} is {status}",
    )


RESOURCES: dict[str, tuple[Operation, ...]] = {
    "accounts": (
        Operation(
            name="list",
            help="List accounts with their license counts, by name.",
            examples=("accounts list", "accounts list --json | python3 -m json.tool --json-lines"),
            path="/accounts",
            cursor="name",
            columns=f"name:account status purchaseType {_SUBSCRIPTION} candidates displayName:display_name",
            empty="No accounts. Create one: fotapool accounts create NAME --licenses 500",
        ),
        Operation(
            name="show",
            help="Show an account's status and license counts.",
            examples=(f"accounts show {ACCOUNT}",),
            path="/accounts/{account}",
            columns=_ACCOUNT_MEMBERS,
        ),
        Operation(
            name="create",
            help="Create an account.",
            examples=("accounts create 0242078689-00002 --licenses 500",),
            method="POST",
            path="/accounts",
            params=(
                click.argument("name", type=options.AccountName(), metavar="ACCOUNT"),
                click.option(
                    "--licenses",
                    "licenseCount",
                    type=click.IntRange(0),
                    default=0,
                    show_default=True,
                    help="Number of licenses.",
                ),
                click.option(
                    "--purchase-type",
                    "purchaseType",
                    type=click.Choice(PURCHASE_TYPES),
                    default=PURCHASE_TYPES[0],
                    show_default=True,
                    help="Purchase type of the subscription.",
                ),
            ),
            columns=_ACCOUNT_MEMBERS,
        ),
        Operation(
            name="describe",
            help="Change an account's display name or notes; an empty text deletes one.",
            examples=(f'accounts describe {ACCOUNT} --display-name "Heart of Gold" --notes ""',),
            method="PATCH",
            path="/accounts/{account}",
            params=(
                click.option("--display-name", "displayName", help="Name."),
                click.option("--notes", help="Notes."),
            ),
            columns=_ACCOUNT_MEMBERS,
        ),
        _set_status("suspend", "suspended", "Suspend an account: its users get `Inactive account` until `activate`."),
        _set_status("activate", "active", "Activate a suspended account."),
        Operation(
            name="copy",
            help="Copy an account with its devices, licenses and candidates (emulator only).",
            examples=(f"accounts copy {ACCOUNT} 0242078689-00009 --users",),
            method="POST",
            path="/accounts/{account}/copies",
            params=(
                click.argument("name", type=options.AccountName(), metavar="COPY"),
                click.option("--users", is_flag=True, help="Give the users of the original access to the copy."),
            ),
            columns=_ACCOUNT_MEMBERS,
        ),
    ),
    "firmware": (
        Operation(
            name="list",
            help="List packages by name. Those that are not proven are limited by the pilot rule.",
            examples=("firmware list",),
            path="/firmware",
            cursor="firmwareName",
            columns="firmwareName:firmware make model fromVersion:from toVersion:to protocol launchDate:launched "
            "proven succeeded failed hasContent:content",
            empty="No packages. Create one: fotapool firmware create --help",
        ),
        Operation(
            name="show",
            help="Show a package.",
            examples=(f"firmware show {PACKAGE}",),
            path="/firmware/{firmware}",
            params=(_firmware,),
            columns=_PACKAGE_MEMBERS,
        ),
        Operation(
            name="change",
            help="Change a package's release note, or lift or restore its pilot rule.",
            examples=(
                f"firmware change {PACKAGE} --proven",
                f'firmware change {PACKAGE} --not-proven --release-note "Fixes the radio."',
            ),
            method="PUT",
            path="/firmware/{firmware}",
            params=(
                _firmware,
                click.option("--release-note", "releaseNote", help="Text for the users; an empty one deletes it."),
                click.option("--proven/--not-proven", default=None, help="Lift or restore the pilot rule."),
            ),
            columns=_PACKAGE_MEMBERS,
        ),
        Operation(
            name="content",
            help="Show size and checksum of a package's content, and whether the storage has lost it.",
            examples=(f"firmware content {PACKAGE}",),
            path="/firmware/{firmware}/content",
            params=(_firmware,),
            columns="firmwareName:firmware size sha256 lost",
        ),
        Operation(
            name="campaigns",
            help="List the campaigns that install a package: running ones first, then scheduled ones, then the others.",
            examples=(f"firmware campaigns {PACKAGE}",),
            path="/campaigns",
            params=(_firmware,),
            cursor="position",
            columns="account campaign.id:campaign campaign.name:name campaign.status:status campaign.devices:devices "
            "completed failed campaign.startDate:start campaign.endDate:end",
            empty="No campaign installs it.",
        ),
        Operation(
            name="delete",
            help="Delete a package and its content. One that a campaign installs or has installed stays.",
            examples=(f"firmware delete {PACKAGE} --yes",),
            method="DELETE",
            path="/firmware/{firmware}",
            params=(_firmware,),
            confirm=("firmware", "Type {firmware} to delete it"),
            message="{firmware} is deleted",
        ),
    ),
    "files": (
        Operation(
            name="list",
            help="List the configuration files that the account has uploaded, by name and version.",
            examples=(f"files list {ACCOUNT}",),
            path="/accounts/{account}/files",
            cursor="id",
            columns="fileName:file fileVersion:version make model protocol size launchDate:uploaded succeeded failed",
            empty="No files. The account uploads them with the documented API: POST /api/fota/v2/files/ACCOUNT",
        ),
    ),
    **IDENTITY,
    "retention": (
        Operation(
            name="list",
            help="List for how many days each kind of data is stored (0: for ever), and how many rows are older.",
            examples=("retention list",),
            path="/retention",
            columns="kind days before rows:rows_to_delete",
            empty="Nothing is stored.",
        ),
        Operation(
            name="purge",
            help="Delete the data that is older than its setting says. The server does the same every ten minutes.",
            examples=("retention purge --yes", "retention purge --kind checkIns --kind deviceLogs --yes"),
            method="POST",
            path="/retention/purge",
            params=(
                click.option(
                    "--kind",
                    "kinds",
                    multiple=True,
                    type=click.Choice([kind.value for kind in Kind]),
                    help="Only data of this kind; can be repeated.",
                ),
            ),
            confirm=("purge", "Type purge to delete it"),
            rows="purged",
            columns="kind deleted complete",
            empty="Everything is stored for ever.",
        ),
    ),
    "devices": (
        Operation(
            name="list",
            help="List the account's devices, by IMEI.",
            examples=(
                f"devices list {ACCOUNT}",
                f"devices list {ACCOUNT} --json | fotapool licenses assign {ACCOUNT} --file -",
            ),
            path="/accounts/{account}/devices",
            cursor="deviceId",
            columns="deviceId:device make model firmware protocol status licensed licensedAt:since "
            "openUpgrade:upgrade reachable",
            empty="No devices. Import some: fotapool devices import ACCOUNT FILE",
        ),
    ),
    "subscription": (
        Operation(
            name="show",
            help="Show the number of licenses and the purchase type.",
            examples=(f"subscription show {ACCOUNT}",),
            path="/accounts/{account}",
            columns=f"name:account purchaseType {_SUBSCRIPTION} updateTime:changed nextBillingMonth",
        ),
        Operation(
            name="undo",
            help="Undo a reduction: give back the licenses that a change took, while as many are free. "
            "The number of the change is in `fotapool ledger --json`.",
            examples=(f"subscription undo {ACCOUNT} 12",),
            method="POST",
            path="/accounts/{account}/ledger/changes/{change}/undo",
            params=(click.argument("change", type=click.IntRange(1), metavar="CHANGE"),),
            message="change {undone} is undone by change {change}: {licenseUsedCount:,} licenses are used",
        ),
    ),
    "statements": (
        Operation(
            name="list",
            help="List the statements of the last 24 months with their totals, newest first.",
            examples=(f"statements list {ACCOUNT}",),
            path="/accounts/{account}/statements",
            params=(options.limit,),
            columns="month complete purchaseType totals.licenses:licenses "
            "totals.noticeLicenses:under_notice totals.events:upgrades",
            empty="No statements yet.",
        ),
    ),
    "clock": (
        Operation(
            name="show",
            help="Show the clock's time and the time of the next event.",
            examples=("clock show",),
            path="/clock",
            columns="now frozen aheadSeconds:seconds_ahead nextDue:next_event",
        ),
    ),
    "faults": (
        Operation(
            name="list",
            help="List fault rules and how often each was applied.",
            examples=("faults list",),
            path="/faults",
            columns="id matched fired:applied match action",
            empty="No faults. See `fotapool faults add --help`.",
        ),
        Operation(
            name="remove",
            help="Remove a fault rule.",
            examples=("faults remove 3",),
            method="DELETE",
            path="/faults/{fault}",
            params=(click.argument("fault", type=click.IntRange(1)),),
            message="fault {fault} is removed",
        ),
        Operation(
            name="clear",
            help="Remove all fault rules and their log.",
            examples=("faults clear",),
            method="DELETE",
            path="/faults",
            message="all faults are removed",
        ),
    ),
    "requests": (
        Operation(
            name="clear",
            help="Delete the recorded requests.",
            examples=("requests clear",),
            method="DELETE",
            path="/requests",
            message="the recorded requests are deleted",
        ),
    ),
    "licenses": (
        Operation(
            name="show",
            help="Show the number of licenses, and how many are used.",
            examples=(f"licenses show {ACCOUNT}",),
            path="/{version}/subscriptions/{account}",
            params=(options.api_version("v1", "v2", "v3"),),
            api=True,
            columns="accountName:account purchaseType licenseCount:licenses licenseUsedCount:used updateTime:changed",
        ),
    ),
    "candidates": (
        Operation(
            name="clear",
            help="Delete the list.",
            examples=(f"candidates clear {ACCOUNT} --yes",),
            method="DELETE",
            path="/v2/licenses/{account}/cancel",
            api=True,
            confirm=("account", "Type {account} to delete its list"),
            message="the list of {account} is empty",
        ),
    ),
    "campaigns": (
        Operation(
            name="firmware",
            help="List the firmware that devices of the account can be upgraded to.",
            examples=(f"campaigns firmware {ACCOUNT}",),
            path="/v3/firmware/{account}",
            api=True,
            columns="firmwareName:firmware firmwareFrom:from firmwareTo:to make model protocol",
            empty="No firmware is available for the account's devices.",
        ),
        Operation(
            name="show",
            help="Show a campaign.",
            examples=(f"campaigns show {ACCOUNT} 60b5d639-ccdc-4db8-8824-069bd94c95bf",),
            path="/{version}/campaigns/{account}/{campaign}",
            params=(options.campaign, options.campaign_version),
            api=True,
        ),
        Operation(
            name="cancel",
            help="Cancel a campaign before it starts; with --api v2 also later, but running upgrades continue.",
            examples=(f"campaigns cancel {ACCOUNT} CAMPAIGN --yes",),
            method="DELETE",
            path="/{version}/campaigns/{account}/{campaign}",
            params=(options.campaign, options.campaign_version),
            api=True,
            confirm=("account", "Type {account} to cancel its campaign {campaign}"),
            message="campaign {campaign} is canceled",
        ),
    ),
}


def resource_group(function: Callable[[], None]) -> click.Group:
    """A group of commands, with those that the table has under its name. The docstring is its help."""
    group = click.group()(function)
    for operation in RESOURCES[str(group.name)]:
        group.add_command(make_command(operation))
    return group
