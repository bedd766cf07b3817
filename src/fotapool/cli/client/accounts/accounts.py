"""`fotapool accounts …`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.failures import SOME_REFUSED
from fotapool.cli.client.output import confirm, print_json, print_result, print_table
from fotapool.cli.client.resources import resource_group


@resource_group
def accounts() -> None:
    """Create, show, describe, suspend, close, copy and audit accounts.

    \b
    Examples:
      fotapool accounts list
      fotapool accounts create 0242078689-00002 --licenses 500
      fotapool accounts show 0242078689-00002
    """


@accounts.command()
@options.account
@options.yes
@options.as_json
@options.admin_client_options
def close(client: Any, account: str, yes: bool, as_json: bool) -> None:
    """Close an account for good: its licenses and campaigns end, its records stay. Needs the role admin.

    \b
    Examples:
      fotapool accounts close 0242078689-00001
      fotapool accounts close 0242078689-00001 --yes --json

    Shows what would end. Confirm by typing the account's name. Exit code 5: not confirmed, nothing was changed.
    """
    path = f"/accounts/{account}/closure"
    click.echo(_ends(client.call("POST", path, query={"preview": "true"}), "end"), err=True)
    confirm(f"Type {account} to close it for good", account, yes)
    answer = client.call("POST", path)
    print_result(f"account {account} is closed: {_ends(answer, 'ended')}", as_json, answer)


def _ends(closure: dict[str, Any], word: str) -> str:
    """What ends with the account."""
    notice = f", {closure['licensesUnderNotice']:,} licenses are under notice" if closure["licensesUnderNotice"] else ""
    return (
        f"{closure['licensesEnded']:,} licenses and {closure['campaignsEnded']:,} campaigns {word}; "
        f"{closure['upgradesInProgress']:,} upgrades are in progress and complete{notice}"
    )


@accounts.command()
@options.account
@options.as_json
@options.admin_client_options
def audit(client: Any, account: str, as_json: bool) -> None:
    """Recompute every invariant of the account from the database; exit code 1 if one is violated.

    \b
    Example:
      fotapool accounts audit 0242078689-00001
    """
    answer = client.call("GET", f"/accounts/{account}/audit")
    if as_json:
        print_json(answer)
    else:
        print_table(answer["checks"], "name:check ok says:invariant found")
    if not answer["consistent"]:
        raise click.exceptions.Exit(SOME_REFUSED)
