"""The options of the servers about how many requests clients and users may make."""

from __future__ import annotations

from typing import Any

import click

MAX_RATE = 1_000_000


def _rate_option(who: str, whose: str) -> tuple[Any, Any]:
    return (
        click.option(
            f"--{who}-requests-per-s",
            default=0,
            type=click.IntRange(0, MAX_RATE),
            help=f"Requests of the documented API a second of {whose}, in each worker process; more are answered "
            "429. 0 for no limit.",
        ),
        click.option(
            f"--{who}-burst",
            default=None,
            type=click.IntRange(1, MAX_RATE),
            help=f"Requests of {whose} that may come at once; default: those of one second.",
        ),
    )


RATE_LIMIT_OPTIONS = (*_rate_option("client", "an API client"), *_rate_option("user", "a user"))


def check_rate_limits(values: dict[str, Any]) -> None:
    """Raises UsageError for a burst without a rate."""
    for who in ("client", "user"):
        if values[f"{who}_burst"] is not None and not values[f"{who}_requests_per_s"]:
            raise click.UsageError(f"--{who}-burst needs --{who}-requests-per-s")
