"""`fotapool requests …`: the emulator's inspector: what clients sent, what was answered, what was wrong."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options


@click.group()
def requests() -> None:
    """Look at the last requests that the emulator got, with hints on what was wrong.

    \b
    Examples:
      fotapool requests list --status 400
      fotapool requests show 17
      fotapool requests show 17 --as curl
    """


@requests.command("list")
@click.option("--account", type=options.AccountName(), help="Only requests about this account.")
@click.option("--status", type=click.IntRange(100, 599), help="Only those answered with this status.")
@options.limit
@options.as_json
@options.admin_client_options
def list_requests(plane: Any, account: str | None, status: int | None, limit: int | None, as_json: bool) -> None:
    """List the requests, the oldest first.

    \b
    Example:
      fotapool requests list --status 400
    """
    from fotapool.cli.client.output import Column, print_rows

    rows = plane.pages("/requests", "requests", "number", account=account, status=status)
    columns = [
        Column("NUMBER", "number", True),
        Column("TIME", "time"),
        Column("METHOD", "method"),
        Column("PATH", "path"),
        Column("STATUS", "status", True),
        Column("HINT", lambda row: next(iter(row["hints"]), "")),
    ]
    print_rows(
        rows=rows,
        columns=columns,
        as_json=as_json,
        limit=limit,
        empty="No requests yet: only the documented API and devices are recorded.",
    )


@requests.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--as", "form", type=click.Choice(["curl", "pytest"]), help="As a command, or as a test.")
@options.as_json
@options.admin_client_options
def show(plane: Any, number: int, form: str | None, as_json: bool) -> None:
    """Show a request with its answer, or have it as a command or a test.

    \b
    Examples:
      fotapool requests show 17
      fotapool requests show 17 --as pytest > test_17.py
    """
    from fotapool.cli.client.http.calls import parse_response
    from fotapool.cli.client.output import print_json

    if form is None:
        print_json(plane.call("GET", f"/requests/{number}"))
        return
    response = plane.send("GET", f"/requests/{number}", query={"as": form}, accept="text/plain")
    if response.status_code >= 400:
        parse_response(response)
    click.echo(response.text, nl=False)


@requests.command()
@options.as_json
@options.admin_client_options
def clear(plane: Any, as_json: bool) -> None:
    """Forget the requests.

    \b
    Example:
      fotapool requests clear
    """
    from fotapool.cli.client.output import done

    plane.call("DELETE", "/requests")
    done("the requests are forgotten", as_json)
