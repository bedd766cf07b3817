"""`fotapool firmware …` and `fotapool files …`: packages with their content, and files of accounts."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.devices.uploads import read_file
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_result
from fotapool.cli.client.resources import resource_group
from fotapool.domain.packages import PACKAGE_PROTOCOLS


@resource_group
def firmware() -> None:
    """Create, list, change and delete packages of firmware or software, and upload their content.

    \b
    Examples:
      fotapool firmware create Model-A_1To2 --make Verizon --model Model-A --from 1 --to 2
      fotapool firmware upload Model-A_1To2 image.bin
      fotapool firmware list
    """


@firmware.command()
@click.argument("name")
@click.option("--make", required=True, help="Make of the devices.")
@click.option("--model", required=True, help="Model of the devices.")
@click.option("--from", "fromVersion", required=True, metavar="VERSION", help="Version that devices have before.")
@click.option("--to", "toVersion", required=True, metavar="VERSION", help="Version that devices have after it.")
@click.option("--protocol", type=click.Choice(PACKAGE_PROTOCOLS), help="Protocol of the devices; default: LWM2M.")
@click.option("--platform-id", "platformId", metavar="ID", help="Platform of the devices; default: IoT.")
@click.option("--launch-date", "launchDate", metavar="TIME", help="Launch date, as 2026-12-01; default: now.")
@click.option("--release-note", "releaseNote", metavar="TEXT", help="Text for the users of accounts.")
@click.option("--proven", is_flag=True, default=None, help="Lift the pilot rule.")
@options.as_json
@options.admin_client_options
def create(client: Any, name: str, as_json: bool, **given: Any) -> None:
    """Create a package. Upload its content next.

    \b
    Examples:
      fotapool firmware create Model-A_1To2 --make Verizon --model Model-A --from 1 --to 2
      fotapool firmware create Model-A_1To2 --make Verizon --model Model-A --from 1 --to 2 --protocol HTTP --proven

    Campaigns of v2 and v3 have at most 20 devices until the package has passed its pilot, or is proven.
    """
    body = {member: value for member, value in given.items() if value is not None}
    answer = client.call("POST", "/firmware", {"firmwareName": name, **body})
    print_result(f"package {name} is created", as_json, answer["firmware"][0])


@firmware.command()
@click.argument("name")
@options.file
@options.as_json
@options.admin_client_options
def upload(client: Any, name: str, file: str, as_json: bool) -> None:
    """Upload the content of a package, which devices download, from a file or from standard input (-).

    \b
    Examples:
      fotapool firmware upload Model-A_1To2 image.bin
      curl -s https://builds.example.com/image.bin | fotapool firmware upload Model-A_1To2 -

    It replaces the content that the package has. Devices that have downloaded a part of that start over.
    """
    with read_file(file, "upload") as content:
        path = f"/firmware/{segment(name)}/content"
        result = client.upload(path, content, "application/octet-stream", method="PUT")
    print_result(f"{name} has a content of {result['size']:,} bytes, SHA-256 {result['sha256']}", as_json, result)


@resource_group
def files() -> None:
    """List the configuration files that accounts have uploaded with the documented API.

    \b
    Example:
      fotapool files list 0242078689-00001
    """
