"""`fotapool faults …`: make the emulator fail on demand."""

from __future__ import annotations

import json
from typing import Any

import click

from fotapool.cli.client import options

_MATCH = ("path", "method", "account", "device", "nth", "every", "times", "probability", "seed")
_ACTION = ("status", "latency_ms", "drop", "expire_token", "callback", "by_ms", "retry_after")


@click.group()
def faults() -> None:
    """Make the emulator fail: statuses, latency, lost answers, tokens that end early, callbacks that get lost.

    \b
    Examples:
      fotapool faults add --path /fota/v3/licenses/*/assign --nth 1 --drop after
      fotapool faults list
      fotapool faults clear
    """


@faults.command("list")
@options.as_json
@options.admin_client_options
def list_faults(plane: Any, as_json: bool) -> None:
    """List the rules and how often each has fired.

    \b
    Example:
      fotapool faults list
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [
        Column("ID", "id", True),
        Column("MATCHED", "matched", True),
        Column("FIRED", "fired", True),
        Column("MATCH", "match"),
        Column("ACTION", "action"),
    ]
    print_rows(
        rows=plane.call("GET", "/faults")["faults"],
        columns=columns,
        as_json=as_json,
        limit=None,
        empty="No faults. See `fotapool faults add --help`.",
    )


@faults.command()
@click.argument("document", required=False, metavar="[JSON]")
@click.option("--path", help="Requests whose path begins so, or is like this with * and ?.")
@click.option("--method", help="Requests with this method.")
@click.option("--account", help="Requests that name this account.")
@click.option("--device", help="Requests that name this device.")
@click.option("--nth", type=int, help="Only the nth of them.")
@click.option("--every", type=int, help="Only every so manieth of them.")
@click.option("--times", type=int, help="Not more often than this.")
@click.option("--probability", type=float, help="So many of them by chance, from 0 to 1.")
@click.option("--seed", type=int, help="Which ones, by chance: the same with the same seed.")
@click.option("--status", type=int, help="Answer this status.")
@click.option("--retry-after", metavar="SECONDS", help="With this Retry-After.")
@click.option("--latency-ms", type=int, help="Wait so long first.")
@click.option("--drop", type=click.Choice(["before", "after"]), help="Close the connection before or after the work.")
@click.option("--expire-token", type=click.Choice(["bearer", "session"]), help="The request's token has just expired.")
@click.option(
    "--callback", type=click.Choice(["drop", "duplicate", "reorder", "delay"]), help="What happens to callbacks."
)
@click.option("--by-ms", type=int, help="By how much a callback is late.")
@options.as_json
@options.admin_client_options
def add(plane: Any, document: str | None, as_json: bool, **given: Any) -> None:
    """Add a rule: which requests, and what happens to them. By options, or as the JSON of docs/faults.md.

    \b
    Examples:
      fotapool faults add --path /fota/v3/licenses/*/assign --nth 1 --drop after
      fotapool faults add --path /fota --every 10 --status 429 --retry-after 2
      fotapool faults add '{"match": {"path": "/fota", "nth": 50}, "action": {"expireToken": "bearer"}}'
    """
    from fotapool.cli.client.output import done

    rule = _document(document) if document else _rule(given)
    answer = plane.call("POST", "/faults", rule)
    done(f"fault {answer['id']} is there until `fotapool faults clear`", as_json, answer)


def _document(text: str) -> Any:
    from fotapool.cli.client.failures import UsageError

    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"the rule is no JSON: {error}", "See docs/faults.md, or use the options.") from error


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    present = {name: value for name, value in given.items() if value is not None}
    match = {_member(name): present[name] for name in _MATCH if name in present}
    action = {_member(name): present[name] for name in _ACTION if name in present}
    if not action:
        raise click.UsageError("say what happens: --status, --latency-ms, --drop, --expire-token or --callback")
    retry_after = action.pop("retryAfter", None)
    if retry_after is not None:
        action["headers"] = {"Retry-After": retry_after}
    return {"match": match, "action": action}


def _member(option: str) -> str:
    """The option's name as the JSON has it."""
    if option == "device":
        return "deviceId"
    first, *others = option.split("_")
    return first + "".join(word.capitalize() for word in others)


@faults.command()
@click.argument("fault", type=click.IntRange(1))
@options.as_json
@options.admin_client_options
def remove(plane: Any, fault: int, as_json: bool) -> None:
    """Take a rule away.

    \b
    Example:
      fotapool faults remove 3
    """
    from fotapool.cli.client.output import done

    plane.call("DELETE", f"/faults/{fault}")
    done(f"fault {fault} is gone", as_json)


@faults.command()
@options.as_json
@options.admin_client_options
def clear(plane: Any, as_json: bool) -> None:
    """Take all rules away, with their record.

    \b
    Example:
      fotapool faults clear
    """
    from fotapool.cli.client.output import done

    plane.call("DELETE", "/faults")
    done("no faults any more", as_json)
