"""`fotapool clock …`: the emulator's test clock."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options


@click.group()
def clock() -> None:
    """Look at the emulator's clock and move it; tells what happened on the way.

    \b
    Examples:
      fotapool clock show
      fotapool clock advance PT20M
      fotapool clock to 2026-12-01T00:00:00Z
      fotapool clock next
    """


@clock.command()
@options.as_json
@options.admin_client_options
def show(plane: Any, as_json: bool) -> None:
    """Show where the clock stands, and when the next thing falls due.

    \b
    Example:
      fotapool clock show
    """
    from fotapool.cli.client.output import print_record

    print_record(
        plane.call("GET", "/clock"),
        as_json,
        {"now": "now", "frozen": "stands still", "aheadSeconds": "seconds ahead", "nextDue": "next thing due"},
    )


def _move(plane: Any, body: dict[str, Any], as_json: bool) -> None:
    from fotapool.cli.client.output import Column, print_json, print_table

    answer = plane.call("POST", "/clock", body)
    if as_json:
        print_json(answer)
        return
    click.echo(f"it is {answer['now']}" + (f"; next thing due: {answer['nextDue']}" if answer["nextDue"] else ""))
    if answer["happened"]:
        print_table(
            answer["happened"],
            [
                Column("TIME", "time"),
                Column("WHAT", "what"),
                Column("COUNT", "count", True),
                Column("CAMPAIGN", "campaign"),
                Column("DEVICES", "devices"),
            ],
        )


@clock.command()
@click.argument("duration")
@options.as_json
@options.admin_client_options
def advance(plane: Any, duration: str, as_json: bool) -> None:
    """Move the clock by a duration, as PT20M (20 minutes), PT3H, P1D or P1DT12H.

    \b
    Example:
      fotapool clock advance PT20M
    """
    _move(plane, {"advance": duration}, as_json)


@clock.command()
@click.argument("time")
@options.as_json
@options.admin_client_options
def to(plane: Any, time: str, as_json: bool) -> None:
    """Move the clock to a later time.

    \b
    Example:
      fotapool clock to 2026-12-01T00:00:00Z
    """
    _move(plane, {"to": time}, as_json)


@clock.command("next")
@options.as_json
@options.admin_client_options
def next_due(plane: Any, as_json: bool) -> None:
    """Move the clock to the next thing that falls due.

    \b
    Example:
      fotapool clock next
    """
    _move(plane, {"next": True}, as_json)
