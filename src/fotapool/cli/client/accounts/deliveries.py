"""`fotapool deliveries …`: callback deliveries and their attempts."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.operations import Operation, make_command
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
      fotapool deliveries redeliver-failed --account 0242078689-00001
      fotapool deliveries listeners --status failing
    """


LISTENER_STATUSES = ("delivering", "retrying", "failing")
_OF_LISTENERS = (
    Operation(
        name="listeners",
        help="List listeners with their status, last attempt and waiting deliveries.",
        examples=("deliveries listeners --status failing",),
        path="/listeners",
        params=(
            click.option("--account", type=options.AccountName(), help="Only this account's."),
            click.option("--status", type=click.Choice(LISTENER_STATUSES), help="Only listeners with this status."),
        ),
        cursor="id",
        columns="account listener status waiting oldestWaiting:oldest failed lastAttempt.status:response"
        " lastAttempt.error:error nextAttempt:next",
        empty="No listeners. They are registered with the documented API.",
    ),
    Operation(
        name="retry",
        help="Try what waits for a listener now, instead of at the next attempt.",
        examples=("deliveries retry 0242078689-00001 v3",),
        method="POST",
        path="/accounts/{account}/listeners/{listener}/retry",
        params=(click.argument("listener", metavar="LISTENER"),),
        message="{waiting:,} deliveries to listener {listener} of {account} are tried now",
    ),
)
for _operation in _OF_LISTENERS:
    deliveries.add_command(make_command(_operation))


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
    """Deliver callbacks again, with all attempts ahead; for a waiting one, try the first that waits now.

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


@deliveries.command("redeliver-failed")
@click.option("--account", type=options.AccountName(), help="Only this account's.")
@click.option("--listener", type=click.Choice(["v1", "v2", "v3"]), help="Only those to listeners of this version.")
@click.option("--since", metavar="TIME", help="Only those that failed at this time or later, in RFC 3339.")
@click.option("--until", metavar="TIME", help="Only those that failed before this time.")
@options.as_json
@options.admin_client_options
def redeliver_failed(client: Any, as_json: bool, **given: str | None) -> None:
    """Deliver all failed callbacks again, oldest first, up to 1,000 in a request. Their attempts start from zero.

    \b
    Examples:
      fotapool deliveries redeliver-failed --account 0242078689-00001
      fotapool deliveries redeliver-failed --since 2026-03-01T00:00:00Z
    """
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    total, lost = 0, 0
    after: int | None = 0
    while after is not None:
        step = client.call("POST", "/deliveries/redeliver", {**wanted, "after": after})
        total, lost, after = total + step["redelivered"], lost + step["withoutListener"], step["nextAfter"]
    if as_json:
        print_json({"redelivered": total, "withoutListener": lost})
        return
    note = f"; {lost:,} stay failed: their listener is gone" if lost else ""
    click.echo(f"{total:,} failed deliveries are queued again{note}")
