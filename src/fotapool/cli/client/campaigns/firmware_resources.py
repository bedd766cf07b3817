"""The rows of `fotapool firmware` and `files` in the table of resources."""

from __future__ import annotations

import click

from fotapool.cli.client.operations import Operation

ACCOUNT = "0242078689-00001"
PACKAGE = "Model-A_1To2"
_firmware = click.argument("firmware", metavar="NAME")
_MEMBERS = (
    "firmwareName:firmware make model fromVersion:from toVersion:to protocol platformId:platform launchDate:launched "
    "succeeded failed proven provenByOperator:proven_by_operator hasContent:content contentLost:content_lost "
    "releaseNote:release_note"
)

FIRMWARE: dict[str, tuple[Operation, ...]] = {
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
            columns=_MEMBERS,
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
            columns=_MEMBERS,
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
}
