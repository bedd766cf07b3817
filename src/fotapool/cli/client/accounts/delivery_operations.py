"""The rows of `fotapool deliveries`: lists of deliveries and listeners, trying a listener now."""

from __future__ import annotations

import click

from fotapool.cli.client import options
from fotapool.cli.client.operations import Operation

LISTENER_STATUSES = ("delivering", "retrying", "failing")
_ACCOUNT = "0242078689-00001"
_account_filter = click.option("--account", type=options.AccountName(), help="Only this account.")

DELIVERIES: tuple[Operation, ...] = (
    Operation(
        name="listeners",
        help="List listeners with their status, last attempt and waiting deliveries.",
        examples=("deliveries listeners --status failing",),
        path="/listeners",
        params=(
            _account_filter,
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
        examples=(f"deliveries retry {_ACCOUNT} v3",),
        method="POST",
        path="/accounts/{account}/listeners/{listener}/retry",
        params=(click.argument("listener", metavar="LISTENER"),),
        message="{waiting:,} deliveries to listener {listener} of {account} are tried now",
    ),
)
