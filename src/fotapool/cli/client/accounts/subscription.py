"""`fotapool subscription …`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.accounts import scheduled_changes
from fotapool.cli.client.accounts.previews import print_preview
from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.output import confirm, print_json, stderr_note
from fotapool.cli.client.resources import PURCHASE_TYPES, resource_group

PRECONDITION_FAILED = 412
MAX_PREVIEWS = 5
"""Previews that a command shows, as long as the account changes after each of them."""


@resource_group
def subscription() -> None:
    """Show and change an account's subscription.

    \b
    Examples:
      fotapool subscription show 0242078689-00001
      fotapool subscription change 0242078689-00001 --licenses 200 --preview
      fotapool subscription change 0242078689-00001 --licenses 200
      fotapool subscription schedule 0242078689-00001 --licenses 200 --at nextBillingMonth
    """


@subscription.command()
@options.account
@click.option("--licenses", type=click.IntRange(0), help="The new number of licenses.")
@click.option("--purchase-type", type=click.Choice(PURCHASE_TYPES), help="The new purchase type.")
@click.option("--preview", is_flag=True, help="Show the effects without changing anything.")
@options.yes
@options.as_json
@options.admin_client_options
def change(
    client: Any, account: str, licenses: int | None, purchase_type: str | None, preview: bool, yes: bool, as_json: bool
) -> None:
    """Change the subscription. Previews which devices lose their license and why, and asks for confirmation then.

    Does exactly what the preview showed. If the account has changed since, shows a new preview and asks again; with
    --yes, carries out the new one. Gives up after 5 previews.

    \b
    Examples:
      fotapool subscription change 0242078689-00001 --licenses 200
      fotapool subscription change 0242078689-00001 --licenses 200 --preview --json
      fotapool subscription change 0242078689-00001 --licenses 200 --yes

    A change that takes no license is made at once. Confirm any other by typing the account's name.
    Exit code 5: not confirmed, nothing was changed.
    """
    body = {"licenseCount": licenses, "purchaseType": purchase_type}
    body = {member: value for member, value in body.items() if value is not None}
    if not body:
        raise click.UsageError("nothing to change: use --licenses, --purchase-type or both")
    path = f"/accounts/{account}/subscription"
    before = client.call("GET", f"/accounts/{account}")
    expected = client.call("PUT", path, body, query={"preview": "true"})
    if preview:
        print_json(expected) if as_json else print_preview(before, expected)
        return
    for left in reversed(range(MAX_PREVIEWS)):
        if not (as_json and yes):
            print_preview(before, expected, error=True)
        takes = expected["reclaimed"] or expected["notice"]
        confirm(f"Type {account} to change its subscription", account, yes or not takes)
        try:
            answer = client.call("PUT", path, body, if_match=expected["mark"])
            break
        except RequestFailed as failure:
            if failure.status != PRECONDITION_FAILED or not left:
                raise
            before, expected = client.call("GET", f"/accounts/{account}"), failure.result
            stderr_note("The account has changed since the preview. Nothing was changed. This is the current preview.")
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{account} has {answer['licenseCount']:,} licenses now: {_totals(answer)}")


def _totals(answer: dict[str, Any]) -> str:
    parts = [
        f"{len(answer['reclaimed']):,} devices lost their license" if answer["reclaimed"] else "",
        f"{len(answer['notice']):,} are under notice until {answer['noticeUntil']}" if answer["notice"] else "",
        f"{len(answer['canceledUpgrades']):,} scheduled upgrades were canceled" if answer["canceledUpgrades"] else "",
        f"{len(answer['withdrawnNotices']):,} are no longer under notice" if answer["withdrawnNotices"] else "",
    ]
    return "; ".join(part for part in parts if part) or "no device lost its license"


for command in scheduled_changes.COMMANDS:
    subscription.add_command(command)
