"""`fotapool deliveries …`: callback deliveries and their attempts."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import print_json, print_json_lines, print_record, print_rows, print_table
from fotapool.cli.terminal import printable

STATES = ("waiting", "delivered", "failed")


@click.group()
def deliveries() -> None:
    """List and show callback deliveries with their attempts, and deliver them again.

    \b
    Examples:
      fotapool deliveries list --state failed
      fotapool deliveries show 17
      fotapool deliveries redeliver 17 18
    """


@deliveries.command("list")
@click.option("--account", type=options.AccountName(), help="Only this account.")
@click.option("--state", type=click.Choice(STATES), help="Only deliveries in this state.")
@options.since
@options.until
@options.limit
@options.as_json
@options.admin_client_options
def list_deliveries(client: Any, limit: int | None, as_json: bool, **given: Any) -> None:
    """List callback deliveries, newest first.

    \b
    Examples:
      fotapool deliveries list --account 0242078689-00001
      fotapool deliveries list --state failed --since 2026-12-01 --json
    """
    is_filtered = any(value is not None for value in given.values())
    print_rows(
        rows=client.pages("/deliveries", "deliveries", "id", newest="true", **given),
        shown="id account listener event state attempts createTime:created nextAttempt",
        as_json=as_json,
        limit=limit,
        empty="Nothing matches." if is_filtered else "No deliveries. Listeners are registered with the documented API.",
    )


@deliveries.command()
@click.argument("delivery", type=click.IntRange(1))
@options.as_json
@options.admin_client_options
def show(client: Any, delivery: int, as_json: bool) -> None:
    """Show a delivery with its body and last attempts.

    \b
    Example:
      fotapool deliveries show 17
    """
    answer = client.call("GET", f"/deliveries/{delivery}")
    if as_json:
        print_json(answer)
        return
    print_record(answer["delivery"], False)
    if answer["body"]:
        click.echo(f"\n{printable(answer['body'])}\n")
    print_table(answer["attempts"], "number:attempt time status tookMs error url")


@deliveries.command()
@click.argument("delivery", type=click.IntRange(1), nargs=-1, required=True)
@options.as_json
@options.admin_client_options
def redeliver(client: Any, delivery: tuple[int, ...], as_json: bool) -> None:
    """Deliver callbacks again that were delivered or have failed. Their attempts start again from zero.

    \b
    Example:
      fotapool deliveries redeliver 17 18
    """
    for number in delivery:
        answer = client.call("POST", f"/deliveries/{number}/redeliver")
        if as_json:
            print_json_lines([answer])
        else:
            click.echo(f"delivery {number} is {answer['state']}")
