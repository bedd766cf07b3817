"""`fotapool clock …`: the emulator's test clock."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import print_json, print_table
from fotapool.cli.client.resources import resource_group


@resource_group
def clock() -> None:
    """Show and move the emulator's clock; prints the events that were due on the way.

    \b
    Examples:
      fotapool clock show
      fotapool clock advance PT20M
      fotapool clock to 2026-12-01T00:00:00Z
      fotapool clock next
    """


def _move(client: Any, body: dict[str, Any], as_json: bool) -> None:
    answer = client.call("POST", "/clock", body)
    if as_json:
        print_json(answer)
        return
    click.echo(f"it is {answer['now']}" + (f"; next event: {answer['nextDue']}" if answer["nextDue"] else ""))
    if answer["happened"]:
        print_table(answer["happened"], "time what:event count campaign devices")


@clock.command()
@click.argument("duration")
@options.as_json
@options.admin_client_options
def advance(client: Any, duration: str, as_json: bool) -> None:
    """Advance the clock by a duration, as PT20M (20 minutes), PT3H, P1D or P1DT12H.

    \b
    Example:
      fotapool clock advance PT20M
    """
    _move(client, {"advance": duration}, as_json)


@clock.command()
@click.argument("time")
@options.as_json
@options.admin_client_options
def to(client: Any, time: str, as_json: bool) -> None:
    """Set the clock to a later time.

    \b
    Example:
      fotapool clock to 2026-12-01T00:00:00Z
    """
    _move(client, {"to": time}, as_json)


@clock.command("next")
@options.as_json
@options.admin_client_options
def next_event(client: Any, as_json: bool) -> None:
    """Advance the clock to the next event that is due.

    \b
    Example:
      fotapool clock next
    """
    _move(client, {"next": True}, as_json)
