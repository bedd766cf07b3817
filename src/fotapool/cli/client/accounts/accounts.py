"""`fotapool accounts …`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.failures import SOME_REFUSED
from fotapool.cli.client.output import print_json, print_table
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
