"""`fotapool subscription schedule …`: changes of the subscription at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.accounts.previews import print_preview
from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.output import confirm, print_json, print_record, print_result, print_rows, stderr_note
from fotapool.cli.client.resources import PURCHASE_TYPES

STATES = ("scheduled", "done", "failed", "canceled")
REFUSED = (400, 409)
_COLUMNS = "id account state dueTime:due licenseCount:licenses purchaseType operator change failure"
_MEMBERS = f"{_COLUMNS} reason requestId createTime:created updateTime:edited endTime:ended"

_id = click.argument("change", type=click.IntRange(1), metavar="ID")


def _plan(required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say what is changed, and when."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--at",
                "dueTime",
                required=required,
                metavar="TIME",
                help="When, as 2026-12-01T00:00:00Z (UTC without an offset), or nextBillingMonth.",
            ),
            click.option("--purchase-type", "purchaseType", type=click.Choice(PURCHASE_TYPES), help="Purchase type."),
            click.option("--licenses", "licenseCount", type=click.IntRange(0), help="Number of licenses."),
        ):
            command = option(command)
        return command

    return decorate


@click.command()
@options.account
@_plan(required=True)
@options.yes
@options.as_json
@options.admin_client_options
def schedule(client: Any, account: str, yes: bool, as_json: bool, **plan: Any) -> None:
    """Schedule a change of the subscription. Previews what it would do now, and asks for confirmation.

    The server carries it out once, at its time, by the rules of `subscription change`. The devices that lose their
    license are chosen then.

    \b
    Examples:
      fotapool subscription schedule 0242078689-00001 --licenses 200 --at nextBillingMonth
      fotapool subscription schedule 0242078689-00001 --licenses 900 --at 2026-12-01T00:00:00Z --yes

    Confirm by typing the account's name. Exit code 5: not confirmed, nothing was scheduled.
    """
    body = {member: value for member, value in plan.items() if value is not None}
    if len(body) < 2:
        raise click.UsageError("nothing to change: use --licenses, --purchase-type or both")
    if not yes:
        _preview(client, account, body)
    confirm(f"Type {account} to schedule the change", account, yes)
    made = client.call("POST", _path(account), body)
    print_result(f"scheduled change {made['id']} is due at {made['dueTime']}", as_json, made)


@click.command()
@click.argument("account", type=options.AccountName(), metavar="[ACCOUNT]", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only changes in this state.")
@options.limit
@options.as_json
@options.admin_client_options
def scheduled(client: Any, account: str | None, state: str | None, limit: int | None, as_json: bool) -> None:
    """List scheduled changes, of one account or of all, in the order in which they were created.

    \b
    Examples:
      fotapool subscription scheduled
      fotapool subscription scheduled 0242078689-00001 --state scheduled
      fotapool subscription scheduled --state failed --json
    """
    path = "/scheduled-changes" if account is None else _path(account)
    rows = client.pages(path, "scheduledChanges", "id", state=state)
    empty = "Nothing matches." if state else "No scheduled changes. See `fotapool subscription schedule --help`."
    print_rows(rows=rows, shown=_COLUMNS, as_json=as_json, limit=limit, empty=empty)


@click.command("show-scheduled")
@options.account
@_id
@click.option("--preview", is_flag=True, help="Show what it would do if it were carried out now.")
@options.as_json
@options.admin_client_options
def show_scheduled(client: Any, account: str, change: int, preview: bool, as_json: bool) -> None:
    """Show a scheduled change, or preview what it would do now.

    \b
    Examples:
      fotapool subscription show-scheduled 0242078689-00001 7
      fotapool subscription show-scheduled 0242078689-00001 7 --preview
    """
    path = _path(account, change)
    if not preview:
        print_record(client.call("GET", path), as_json, _MEMBERS)
        return
    expected = client.call("GET", f"{path}/preview")
    if as_json:
        print_json(expected)
    else:
        print_preview(client.call("GET", f"/accounts/{account}"), expected)


@click.command()
@options.account
@_id
@_plan(required=False)
@options.yes
@options.as_json
@options.admin_client_options
def reschedule(client: Any, account: str, change: int, yes: bool, as_json: bool, **plan: Any) -> None:
    """Edit a scheduled change. Previews what it would do now, and asks for confirmation.

    \b
    Examples:
      fotapool subscription reschedule 0242078689-00001 7 --at 2026-12-15T00:00:00Z
      fotapool subscription reschedule 0242078689-00001 7 --licenses 300 --yes

    Confirm by typing the account's name. Exit code 5: not confirmed, nothing was edited.
    """
    body = {member: value for member, value in plan.items() if value is not None}
    if not body:
        raise click.UsageError("nothing to edit: use --at, --licenses or --purchase-type")
    if not yes:
        before = client.call("GET", _path(account, change))
        kept = {member: before[member] for member in ("licenseCount", "purchaseType") if before[member] is not None}
        _preview(client, account, kept | body)
    confirm(f"Type {account} to edit its scheduled change {change}", account, yes)
    edited = client.call("PUT", _path(account, change), body)
    print_result(f"scheduled change {change} is due at {edited['dueTime']}", as_json, edited)


@click.command()
@options.account
@_id
@options.as_json
@options.admin_client_options
def unschedule(client: Any, account: str, change: int, as_json: bool) -> None:
    """Cancel a scheduled change.

    \b
    Examples:
      fotapool subscription unschedule 0242078689-00001 7
    """
    canceled = client.call("DELETE", _path(account, change))
    print_result(f"scheduled change {change} is canceled", as_json, canceled)


def _path(account: str, change: int | None = None) -> str:
    path = f"/accounts/{account}/subscription/scheduled-changes"
    return path if change is None else f"{path}/{change}"


def _preview(client: Any, account: str, body: dict[str, Any]) -> None:
    """Prints on standard error what the change would do now, or why it would be refused."""
    wanted = {member: value for member, value in body.items() if member != "dueTime"}
    before = client.call("GET", f"/accounts/{account}")
    try:
        expected = client.call("PUT", f"/accounts/{account}/subscription", wanted, query={"preview": "true"})
    except RequestFailed as failure:
        if failure.status not in REFUSED:
            raise
        stderr_note(f"Now it would be refused: {failure.message}")
        return
    stderr_note("If it were carried out now:")
    print_preview(before, expected, error=True)


COMMANDS = (schedule, scheduled, show_scheduled, reschedule, unschedule)
