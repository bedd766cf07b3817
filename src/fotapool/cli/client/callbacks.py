"""`fotapool deliveries …`: what was posted to callback listeners, how it went, and once more."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options

STATES = ("waiting", "delivered", "failed")


@click.group()
def deliveries() -> None:
    """Look at callbacks and their attempts, and deliver them again.

    \b
    Examples:
      fotapool deliveries list --state failed
      fotapool deliveries show 17
      fotapool deliveries redeliver 17 18
    """


@deliveries.command("list")
@click.option("--account", type=options.AccountName(), help="Only this account's.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@options.limit
@options.as_json
@options.admin_client_options
def list_deliveries(plane: Any, account: str | None, state: str | None, limit: int | None, as_json: bool) -> None:
    """List callbacks, the oldest first.

    \b
    Examples:
      fotapool deliveries list --account 0242078689-00001
      fotapool deliveries list --state failed --json
    """
    from fotapool.cli.client.output import Column, print_rows

    rows = plane.pages("/deliveries", "deliveries", "id", account=account, state=state)
    columns = [
        Column("ID", "id", True),
        Column("ACCOUNT", "account"),
        Column("LISTENER", "listener"),
        Column("EVENT", "event"),
        Column("STATE", "state"),
        Column("ATTEMPTS", "attempts", True),
        Column("CREATED", "createTime"),
        Column("NEXT ATTEMPT", "nextAttempt"),
    ]
    print_rows(
        rows=rows,
        columns=columns,
        as_json=as_json,
        limit=limit,
        empty="No callbacks. Listeners are registered by the documented API.",
    )


@deliveries.command()
@click.argument("delivery", type=click.IntRange(1))
@options.as_json
@options.admin_client_options
def show(plane: Any, delivery: int, as_json: bool) -> None:
    """Show a callback with its body and its last attempts.

    \b
    Example:
      fotapool deliveries show 17
    """
    from fotapool.cli.client.output import Column, print_json, print_record, print_table, printable

    answer = plane.call("GET", f"/deliveries/{delivery}")
    if as_json:
        print_json(answer)
        return
    print_record(answer["delivery"], False)
    if answer["body"]:
        click.echo(f"\n{printable(answer['body'])}\n")
    print_table(
        answer["attempts"],
        [
            Column("ATTEMPT", "number", True),
            Column("TIME", "time"),
            Column("STATUS", "status", True),
            Column("TOOK MS", "tookMs", True),
            Column("ERROR", "error"),
            Column("URL", "url"),
        ],
    )


@deliveries.command()
@click.argument("delivery", type=click.IntRange(1), nargs=-1, required=True)
@options.as_json
@options.admin_client_options
def redeliver(plane: Any, delivery: tuple[int, ...], as_json: bool) -> None:
    """Deliver callbacks again that were delivered or have failed, with all attempts ahead.

    \b
    Example:
      fotapool deliveries redeliver 17 18
    """
    from fotapool.cli.client.output import print_json_lines

    for number in delivery:
        answer = plane.call("POST", f"/deliveries/{number}/redeliver")
        if as_json:
            print_json_lines([answer])
        else:
            click.echo(f"delivery {number} is {answer['state']}")
