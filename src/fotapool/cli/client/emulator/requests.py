"""`fotapool requests …`: the requests that the emulator recorded."""

from __future__ import annotations

import sys
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import print_json
from fotapool.cli.client.resources import resource_group
from fotapool.cli.terminal import printable


@resource_group
def requests() -> None:
    """List and show recent requests to the emulator, with hints on what was wrong in them.

    \b
    Examples:
      fotapool requests list --status 400
      fotapool requests show 17
      fotapool requests show 17 --as curl
    """


@requests.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--as", "form", type=click.Choice(["curl", "pytest"]), help="Print a curl command or a pytest test.")
@options.as_json
@options.admin_client_options
def show(client: Any, number: int, form: str | None, as_json: bool) -> None:
    """Show a request with its response, or print it as a curl command or a pytest test.

    \b
    Examples:
      fotapool requests show 17
      fotapool requests show 17 --as pytest > test_17.py
    """
    if form is None:
        print_json(client.call("GET", f"/requests/{number}"))
    else:
        response = client.send("GET", f"/requests/{number}", query={"as": form}, accept="text/plain")
        click.echo(printable(response.text) if sys.stdout.isatty() else response.text, nl=False)
