"""`fotapool stop-rule show | set | delete`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_record, print_result
from fotapool.domain.campaigns.stop_rules import MAX_DEVICES, MIN_DEVICES

_account = click.option("--account", type=options.AccountName(), help="Rule of this account; default: of all others.")


def _path(account: str | None) -> str:
    return f"/accounts/{segment(account)}/campaign-stop-rule" if account else "/campaign-stop-rule"


@click.group()
def stop_rule() -> None:
    """Stop running campaigns when too large a share of their finished devices has failed.

    \b
    Examples:
      fotapool stop-rule set --percent 30 --devices 20
      fotapool stop-rule set --account 0242078689-00001 --off
      fotapool stop-rule show --account 0242078689-00001
    """


@stop_rule.command()
@_account
@options.as_json
@options.admin_client_options
def show(client: Any, account: str | None, as_json: bool) -> None:
    """Show the rule that holds, and for what it was set.

    \b
    Examples:
      fotapool stop-rule show
      fotapool stop-rule show --account 0242078689-00001 --json
    """
    print_record(client.call("GET", _path(account)), as_json)


@stop_rule.command("set")
@_account
@click.option("--percent", type=click.IntRange(1, 100), help="Share of failed devices at which a campaign stops.")
@click.option(
    "--devices",
    type=click.IntRange(1, MAX_DEVICES),
    default=MIN_DEVICES,
    show_default=True,
    help="Finished devices from which on the share counts.",
)
@click.option("--off", is_flag=True, help="Stop no campaign.")
@options.as_json
@options.admin_client_options
def set_rule(client: Any, account: str | None, percent: int | None, devices: int, off: bool, as_json: bool) -> None:
    """Set the rule of an account, or of all accounts without one.

    \b
    Examples:
      fotapool stop-rule set --percent 30
      fotapool stop-rule set --account 0242078689-00001 --percent 10 --devices 50
    """
    if off == (percent is not None):
        raise click.UsageError("give either --percent or --off")
    print_record(client.call("PUT", _path(account), {"percent": percent, "devices": devices}), as_json)


@stop_rule.command()
@_account
@options.as_json
@options.admin_client_options
def delete(client: Any, account: str | None, as_json: bool) -> None:
    """Delete the rule of an account, so that the rule of all accounts holds, or that rule.

    \b
    Examples:
      fotapool stop-rule delete --account 0242078689-00001
    """
    client.call("DELETE", _path(account))
    print_result("the stop rule is deleted", as_json)
