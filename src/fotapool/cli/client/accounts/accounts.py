"""`fotapool accounts …`: make, look at, suspend, copy and audit accounts, by the operator plane."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options

PURCHASE_TYPES = ("TS-HFOTA-MRC", "TS-HFOTA-EVNT", "TS-HFOTA-EVNT,TS-HFOTA-MRC")
_NAMES = {
    "name": "account",
    "status": "status",
    "purchaseType": "purchase type",
    "licenseCount": "licenses",
    "licenseUsedCount": "used",
    "free": "free",
    "underNotice": "under notice",
    "candidates": "candidates",
    "createTime": "created",
    "updateTime": "subscription changed",
    "nextBillingMonth": "next billing month",
}


@click.group()
def accounts() -> None:
    """Make, look at, suspend, copy and audit accounts.

    \b
    Examples:
      fotapool accounts list
      fotapool accounts create 0242078689-00002 --licenses 500
      fotapool accounts show 0242078689-00002
    """


@accounts.command("list")
@options.limit
@options.as_json
@options.admin_client_options
def list_accounts(plane: Any, limit: int | None, as_json: bool) -> None:
    """List accounts by name, with their licenses.

    \b
    Examples:
      fotapool accounts list
      fotapool accounts list --json | python3 -m json.tool --json-lines
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [
        Column("ACCOUNT", "name"),
        Column("STATUS", "status"),
        Column("PURCHASE TYPE", "purchaseType"),
        Column("LICENSES", "licenseCount", True),
        Column("USED", "licenseUsedCount", True),
        Column("FREE", "free", True),
        Column("NOTICE", "underNotice", True),
        Column("CANDIDATES", "candidates", True),
    ]
    empty = "There are no accounts. Make one: fotapool accounts create NAME --licenses 500"
    print_rows(
        rows=plane.pages("/accounts", "accounts", "name"), columns=columns, as_json=as_json, limit=limit, empty=empty
    )


@accounts.command()
@options.account
@options.as_json
@options.admin_client_options
def show(plane: Any, account: str, as_json: bool) -> None:
    """Show an account's licenses and status.

    \b
    Example:
      fotapool accounts show 0242078689-00001
    """
    from fotapool.cli.client.output import print_record

    print_record(plane.call("GET", f"/accounts/{account}"), as_json, _NAMES)


@accounts.command()
@options.account
@click.option("--licenses", type=click.IntRange(0), default=0, show_default=True, help="Licenses of the subscription.")
@click.option(
    "--purchase-type",
    type=click.Choice(PURCHASE_TYPES),
    default=PURCHASE_TYPES[0],
    show_default=True,
    help="How the account pays.",
)
@options.as_json
@options.admin_client_options
def create(plane: Any, account: str, licenses: int, purchase_type: str, as_json: bool) -> None:
    """Make an account.

    \b
    Example:
      fotapool accounts create 0242078689-00002 --licenses 500
    """
    from fotapool.cli.client.output import print_record

    body = {"name": account, "purchaseType": purchase_type, "licenseCount": licenses}
    print_record(plane.call("POST", "/accounts", body), as_json, _NAMES)


def _set_status(plane: Any, account: str, status: str, as_json: bool) -> None:
    from fotapool.cli.client.output import done

    answer = plane.call("PUT", f"/accounts/{account}/status", {"status": status})
    done(f"account {account} is {answer['status']}", as_json, answer)


@accounts.command()
@options.account
@options.as_json
@options.admin_client_options
def suspend(plane: Any, account: str, as_json: bool) -> None:
    """Let nobody use the account until `activate`; its users are answered `Inactive account`.

    \b
    Example:
      fotapool accounts suspend 0242078689-00001
    """
    _set_status(plane, account, "suspended", as_json)


@accounts.command()
@options.account
@options.as_json
@options.admin_client_options
def activate(plane: Any, account: str, as_json: bool) -> None:
    """Let the account be used again.

    \b
    Example:
      fotapool accounts activate 0242078689-00001
    """
    _set_status(plane, account, "active", as_json)


@accounts.command()
@options.account
@options.as_json
@options.admin_client_options
def audit(plane: Any, account: str, as_json: bool) -> None:
    """Recompute from the rows whatever must hold; exit code 1 if something does not.

    \b
    Example:
      fotapool accounts audit 0242078689-00001
    """
    from fotapool.cli.client.failures import SOME_REFUSED
    from fotapool.cli.client.output import Column, print_json, print_table

    answer = plane.call("GET", f"/accounts/{account}/audit")
    if as_json:
        print_json(answer)
    else:
        columns = [Column("CHECK", "name"), Column("HOLDS", "ok"), Column("WHAT", "says"), Column("FOUND", "found")]
        print_table(answer["checks"], columns)
    if not answer["consistent"]:
        raise click.exceptions.Exit(SOME_REFUSED)


@accounts.command()
@options.account
@click.argument("copy", type=options.AccountName(), metavar="COPY")
@click.option("--users", is_flag=True, help="The users of the original may use the copy too.")
@options.as_json
@options.admin_client_options
def copy(plane: Any, account: str, copy: str, users: bool, as_json: bool) -> None:
    """Copy an account with its devices, licenses and candidates under another name (emulator only).

    \b
    Example:
      fotapool accounts copy 0242078689-00001 0242078689-00009 --users
    """
    from fotapool.cli.client.output import print_record

    answer = plane.call("POST", f"/accounts/{account}/copies", {"name": copy, "users": users})
    print_record(answer, as_json, _NAMES)
