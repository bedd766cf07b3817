"""`fotapool faults …`: fault injection in the emulator."""

from __future__ import annotations

import json
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.output import print_result
from fotapool.cli.client.resources import resource_group

_MATCH = ("path", "method", "account", "device", "nth", "every", "times", "probability", "seed")
_ACTION = ("status", "latency_ms", "drop", "expire_token", "callback", "by_ms", "retry_after")


@resource_group
def faults() -> None:
    """Inject faults: error statuses, latency, lost responses, expired tokens, lost or late callbacks.

    \b
    Examples:
      fotapool faults add --path /fota/v3/licenses/*/assign --nth 1 --drop after
      fotapool faults list
      fotapool faults clear
    """


@faults.command()
@click.argument("document", required=False, metavar="[JSON]")
@click.option("--path", help="Match requests whose path has this prefix, or matches this pattern with * and ?.")
@click.option("--method", help="Match requests with this method.")
@click.option("--account", help="Match requests for this account.")
@click.option("--device", help="Match requests for this device.")
@click.option("--nth", type=int, help="Apply to the nth match only.")
@click.option("--every", type=int, help="Apply to every nth match.")
@click.option("--times", type=int, help="Maximum number of times the rule applies.")
@click.option("--probability", type=float, help="Probability that the rule applies to a match, from 0 to 1.")
@click.option("--seed", type=int, help="Random seed for --probability.")
@click.option("--status", type=int, help="Respond with this status.")
@click.option("--retry-after", metavar="SECONDS", help="Add this Retry-After header to the response.")
@click.option("--latency-ms", type=int, help="Delay the request by this many milliseconds.")
@click.option(
    "--drop",
    type=click.Choice(["before", "after"]),
    help="Drop the connection before or after processing.",
)
@click.option("--expire-token", type=click.Choice(["bearer", "session"]), help="Treat this token as expired.")
@click.option(
    "--callback",
    type=click.Choice(["drop", "duplicate", "reorder", "delay"]),
    help="Effect on callbacks.",
)
@click.option("--by-ms", type=int, help="Milliseconds by which a callback is delayed.")
@options.as_json
@options.admin_client_options
def add(client: Any, document: str | None, as_json: bool, **given: Any) -> None:
    """Add a fault rule: what it matches and its effect. By options, or as JSON as in docs/how-to/faults.md.

    \b
    Examples:
      fotapool faults add --path /fota/v3/licenses/*/assign --nth 1 --drop after
      fotapool faults add --path /fota --every 10 --status 429 --retry-after 2
      fotapool faults add '{"match": {"path": "/fota", "nth": 50}, "action": {"expireToken": "bearer"}}'
    """
    rule = _parse(document) if document else _rule(given)
    answer = client.call("POST", "/faults", rule)
    print_result(f"fault {answer['id']} is active until `fotapool faults clear`", as_json, answer)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"the rule is not valid JSON: {error}", "See docs/how-to/faults.md, or use the options."
        ) from error


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    present = {name: value for name, value in given.items() if value is not None}
    match = {_member(name): present[name] for name in _MATCH if name in present}
    action = {_member(name): present[name] for name in _ACTION if name in present}
    if not action:
        raise click.UsageError("no effect given: use --status, --latency-ms, --drop, --expire-token or --callback")
    retry_after = action.pop("retryAfter", None)
    if retry_after is not None:
        action["headers"] = {"Retry-After": retry_after}
    return {"match": match, "action": action}


def _member(option: str) -> str:
    """The JSON member of an option, as latencyMs of latency_ms."""
    if option == "device":
        return "deviceId"
    first, *others = option.split("_")
    return first + "".join(word.capitalize() for word in others)
