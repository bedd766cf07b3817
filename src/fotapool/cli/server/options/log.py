"""The options of the log, for `fotapool serve` and `fotapool emulate`."""

from __future__ import annotations

import click

from fotapool.core.settings import LogFormat

LEVELS = ("debug", "info", "warning", "error")

LOG_OPTIONS = (
    click.option(
        "--log-format",
        default=LogFormat.TEXT.value,
        type=click.Choice([one.value for one in LogFormat]),
        help="Format of the log, which goes to standard error: text for people, or one JSON object per line.",
    ),
    click.option(
        "--log-level", default="info", type=click.Choice(LEVELS), help="Level from which on events are logged."
    ),
    click.option("--access-log", is_flag=True, help="Log each request: method, path, status, duration and sender."),
)
