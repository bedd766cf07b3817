"""`fotapool alerts …` and `fotapool alert-rules …`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.http.calls import MAX_PAGES
from fotapool.cli.client.http.target import segment
from fotapool.cli.client.output import print_record, print_result, print_rows
from fotapool.domain.accounts.alerts.kinds import KIND_OF_WORD

PAGE = 1000
_KINDS = click.Choice(list(KIND_OF_WORD))
_name = click.argument("name")
_RULE = "name:rule kind threshold unit account targets enabled silencedUntil:silenced_until"


@click.group()
def alerts() -> None:
    """List and acknowledge alerts.

    \b
    Examples:
      fotapool alerts list --state open
      fotapool alerts acknowledge 12 --note "500 more ordered"
    """


@alerts.command("list")
@click.option("--state", type=click.Choice(["open", "ended"]), help="Only open or only ended alerts.")
@click.option("--kind", type=_KINDS, help="Only alerts of this kind.")
@click.option("--rule", metavar="NAME", help="Only alerts of this rule.")
@click.option("--account", type=options.AccountName(), help="Only alerts of this account.")
@options.limit
@options.as_json
@options.admin_client_options
def list_alerts(client: Any, limit: int | None, as_json: bool, **given: Any) -> None:
    """List alerts, newest first.

    \b
    Examples:
      fotapool alerts list
      fotapool alerts list --state open --account 0242078689-00001 --json
    """
    shown = "id rule account text beginTime:began endTime:ended acknowledgedBy:acknowledged_by note"
    print_rows(rows=_pages(client, given), shown=shown, as_json=as_json, limit=limit, empty="No alerts match.")


def _pages(client: Any, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    query = {"limit": PAGE, **{name: value for name, value in given.items() if value is not None}}
    for _ in range(MAX_PAGES):
        page = client.call("GET", "/alerts", query=query)
        yield from page["alerts"]
        if page["next"] is None:
            return
        query["before"] = page["next"]


@alerts.command()
@click.argument("alert", type=click.IntRange(1), metavar="ALERT")
@click.option("--note", default="", help="What is done about it.")
@options.as_json
@options.admin_client_options
def acknowledge(client: Any, alert: int, note: str, as_json: bool) -> None:
    """Say that you deal with an open alert.

    \b
    Examples:
      fotapool alerts acknowledge 12 --note "500 more ordered"
    """
    print_record(client.call("POST", f"/alerts/{alert}/acknowledge", {"note": note}), as_json)


@click.group()
def alert_rules() -> None:
    """Set, silence, test and delete alert rules.

    \b
    Examples:
      fotapool alert-rules set "Nearly full" --kind usedShare --threshold 95 \\
        --target https://hooks.example.com/fota --target mailto:night-shift@example.com
      fotapool alert-rules test "Nearly full"
    """


@alert_rules.command("list")
@options.limit
@options.as_json
@options.admin_client_options
def list_rules(client: Any, limit: int | None, as_json: bool) -> None:
    """List alert rules by name.

    \b
    Examples:
      fotapool alert-rules list
    """
    rows = client.pages("/alert-rules", "rules", "name")
    empty = "No alert rules. Set one: fotapool alert-rules set --help"
    print_rows(rows=rows, shown=_RULE, as_json=as_json, limit=limit, empty=empty)


@alert_rules.command("set")
@_name
@click.option("--kind", type=_KINDS, required=True, help="What the rule watches.")
@click.option(
    "--threshold", type=click.IntRange(0), required=True, help="Value at which an alert begins, in the kind's unit."
)
@click.option("--account", type=options.AccountName(), help="Only this account; default: all accounts.")
@click.option("--minimum", type=click.IntRange(1), help="Finished devices from which on campaignFailures counts.")
@click.option("--target", "targets", multiple=True, metavar="URL", help="https:// or mailto:; can be repeated.")
@click.option("--enabled/--disabled", default=True, show_default=True, help="Whether the rule is evaluated.")
@options.as_json
@options.admin_client_options
def set_rule(client: Any, name: str, as_json: bool, **given: Any) -> None:
    """Create an alert rule, or replace the one of this name.

    \b
    Examples:
      fotapool alert-rules set "Nearly full" --kind usedShare --threshold 95 --target https://hooks.example.com/fota
      fotapool alert-rules set Failing --kind campaignFailures --threshold 20 --minimum 50
    """
    body = {member: value for member, value in given.items() if value is not None}
    print_record(client.call("PUT", _path(name), body), as_json)


@alert_rules.command()
@_name
@click.option("--until", metavar="TIME", help="Until this time, as 2026-12-01T08:00:00Z.")
@click.option("--end", is_flag=True, help="End the silence.")
@options.as_json
@options.admin_client_options
def silence(client: Any, name: str, until: str | None, end: bool, as_json: bool) -> None:
    """Hold back messages that alerts of a rule have begun. What is still open then is sent when the silence ends.

    \b
    Examples:
      fotapool alert-rules silence "Nearly full" --until 2026-12-01T08:00:00Z
      fotapool alert-rules silence "Nearly full" --end
    """
    if end == (until is not None):
        raise click.UsageError("give either --until or --end")
    print_record(client.call("PUT", f"{_path(name)}/silence", {"until": until}), as_json)


@alert_rules.command()
@_name
@options.as_json
@options.admin_client_options
def test(client: Any, name: str, as_json: bool) -> None:
    """Send a test message to each target of a rule. The results are in `fotapool deliveries list`.

    \b
    Examples:
      fotapool alert-rules test "Nearly full"
    """
    rule = client.call("POST", f"{_path(name)}/test")
    print_result(f"a test message is on its way to {len(rule['targets'])} targets", as_json, rule)


@alert_rules.command()
@_name
@options.as_json
@options.admin_client_options
def delete(client: Any, name: str, as_json: bool) -> None:
    """Delete an alert rule and end its alerts, without messages.

    \b
    Examples:
      fotapool alert-rules delete "Nearly full"
    """
    client.call("DELETE", _path(name))
    print_result(f"alert rule {name} is deleted", as_json)


def _path(name: str) -> str:
    return f"/alert-rules/{segment(name)}"
