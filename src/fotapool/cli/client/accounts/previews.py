"""The preview of a change of the subscription, as commands print it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from fotapool.cli.client.output import print_table

SHOWN = 20
"""Devices in the table of a preview; --json has all."""


def print_preview(before: dict[str, Any], expected: dict[str, Any], error: bool = False) -> None:
    """Prints the preview: totals, then the first devices with their reasons."""
    click.echo(
        f"{before['name']}: {before['licenseCount']:,} licenses, {before['licenseUsedCount']:,} used"
        f" -> {expected['licenseCount']:,} licenses; {expected['need']:,} devices lose theirs",
        err=error,
    )
    reasons = expected["reasons"]
    counts = Counter((row["what"], row["why"]) for row in reasons)
    for (what, why), count in counts.items():
        click.echo(f"  {count:,} {what}: {why}", err=error)
    if expected["canceledUpgrades"]:
        click.echo(f"  {len(expected['canceledUpgrades']):,} scheduled upgrades are canceled", err=error)
    if expected["notice"]:
        click.echo(f"  notice period: until {expected['noticeUntil']}, or until the upgrade ends", err=error)
    if reasons:
        print_table(reasons[:SHOWN], "place deviceId:device what:effect why:reason", error)
    if len(reasons) > SHOWN:
        click.echo(f"… and {len(reasons) - SHOWN:,} more; --preview --json prints all", err=error)
