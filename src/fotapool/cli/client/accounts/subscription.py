"""`fotapool subscription …`: change the number of licenses, after a look at who would lose one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.accounts.accounts import PURCHASE_TYPES

SHOWN = 20
"""Devices that the preview lists; --json has all."""


@click.group()
def subscription() -> None:
    """Show and change an account's subscription.

    \b
    Examples:
      fotapool subscription show 0242078689-00001
      fotapool subscription change 0242078689-00001 --licenses 200 --preview
      fotapool subscription change 0242078689-00001 --licenses 200
    """


@subscription.command()
@options.account
@options.as_json
@options.admin_client_options
def show(plane: Any, account: str, as_json: bool) -> None:
    """Show the number of licenses and how the account pays.

    \b
    Example:
      fotapool subscription show 0242078689-00001
    """
    from fotapool.cli.client.output import print_record

    print_record(
        plane.call("GET", f"/accounts/{account}"),
        as_json,
        {
            "name": "account",
            "purchaseType": "purchase type",
            "licenseCount": "licenses",
            "licenseUsedCount": "used",
            "free": "free",
            "underNotice": "under notice",
            "updateTime": "changed",
            "nextBillingMonth": "next billing month",
        },
    )


@subscription.command()
@options.account
@click.option("--licenses", type=click.IntRange(0), help="The new number of licenses.")
@click.option("--purchase-type", type=click.Choice(PURCHASE_TYPES), help="How the account pays from now on.")
@click.option("--preview", is_flag=True, help="Only show what would happen.")
@options.yes
@options.as_json
@options.admin_client_options
def change(
    plane: Any, account: str, licenses: int | None, purchase_type: str | None, preview: bool, yes: bool, as_json: bool
) -> None:
    """Change the subscription: shows who would lose what and why, asks, and then does it.

    \b
    Examples:
      fotapool subscription change 0242078689-00001 --licenses 200
      fotapool subscription change 0242078689-00001 --licenses 200 --preview --json
      fotapool subscription change 0242078689-00001 --licenses 200 --yes

    Confirm by typing the account's name. Exit code 5 says that it was not confirmed: nothing was changed then.
    """
    from fotapool.cli.client.output import confirm, print_json, stderr_note

    body = {"licenseCount": licenses, "purchaseType": purchase_type}
    body = {member: value for member, value in body.items() if value is not None}
    if not body:
        raise click.UsageError("say what to change: --licenses, --purchase-type or both")
    path = f"/accounts/{account}/subscription"
    before = plane.call("GET", f"/accounts/{account}")
    expected = plane.call("PUT", path, body, query={"preview": "true"})
    if preview:
        print_json(expected) if as_json else _show(before, expected)
        return
    if not (as_json and yes):
        _show(before, expected, error=True)
    confirm(f"Type {account} to do this", account, yes)
    answer = plane.call("PUT", path, body)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{account} has {answer['licenseCount']:,} licenses now: {_totals(answer)}")
    if {**answer, "preview": True} != expected:
        stderr_note("Something happened in between: this is not what the preview showed. --json has all of it.")


def _totals(answer: dict[str, Any]) -> str:
    parts = [
        f"{len(answer['reclaimed']):,} devices lost their license" if answer["reclaimed"] else "",
        f"{len(answer['notice']):,} are under notice until {answer['noticeUntil']}" if answer["notice"] else "",
        f"{len(answer['canceledUpgrades']):,} scheduled upgrades were canceled" if answer["canceledUpgrades"] else "",
        f"{len(answer['withdrawnNotices']):,} keep theirs after all" if answer["withdrawnNotices"] else "",
    ]
    return "; ".join(part for part in parts if part) or "no device lost its license"


def _show(before: dict[str, Any], expected: dict[str, Any], error: bool = False) -> None:
    """The preview: totals, then the first devices with the reason of each."""
    from fotapool.cli.client.output import Column, print_table

    click.echo(
        f"{before['name']}: {before['licenseCount']:,} licenses, {before['licenseUsedCount']:,} used"
        f" -> {expected['licenseCount']:,} licenses; {expected['need']:,} have to go",
        err=error,
    )
    reasons = expected["reasons"]
    counts = Counter((row["what"], row["why"]) for row in reasons)
    for (what, why), count in counts.items():
        click.echo(f"  {count:,} {what}: {why}", err=error)
    if expected["canceledUpgrades"]:
        click.echo(f"  {len(expected['canceledUpgrades']):,} scheduled upgrades are canceled", err=error)
    if expected["notice"]:
        click.echo(f"  under notice: until {expected['noticeUntil']}, or until the upgrade ends", err=error)
    columns = [
        Column("PLACE", "place", True),
        Column("DEVICE", "deviceId"),
        Column("WHAT", "what"),
        Column("WHY", "why"),
    ]
    if reasons:
        print_table(reasons[:SHOWN], columns, error)
    if len(reasons) > SHOWN:
        click.echo(f"… and {len(reasons) - SHOWN:,} more: --preview --json has all", err=error)
