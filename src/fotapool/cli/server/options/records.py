"""The options of the log, and of how long data are stored, for `fotapool serve` and `fotapool emulate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from fotapool.core.settings import LogFormat
from fotapool.domain.accounts.retention import DEFAULT_DAYS, MIN_UPGRADE_DAYS, Kind

Command = Callable[..., Any]
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


def _check_upgrade_days(_: click.Context, __: click.Parameter, days: int) -> int:
    if 0 < days < MIN_UPGRADE_DAYS:
        raise click.BadParameter(f"must be 0 or at least {MIN_UPGRADE_DAYS}: the API shows upgrades for so long")
    return days


def _days(kind: Kind, option: str, help_text: str, minimum: int = 0) -> Callable[[Command], Command]:
    return click.option(
        f"--{option}-retention-days",
        default=DEFAULT_DAYS[kind],
        type=click.IntRange(minimum, 36_500),
        callback=_check_upgrade_days if kind is Kind.UPGRADES else None,
        help=f"Days for which {help_text}{'; 0 for ever' if minimum == 0 else ''}.",
    )


RETENTION_OPTIONS = (
    _days(Kind.AUDIT_LOG, "audit-log", "the audit log is stored", 1),
    _days(Kind.CHECK_INS, "check-in", "check-ins are stored", 1),
    _days(Kind.DEVICE_LOGS, "device-log", "logs of devices are stored", 1),
    _days(Kind.CALLBACKS, "callback", "delivered and failed callbacks are stored", 1),
    _days(Kind.UPGRADES, "upgrade", "upgrades of ended campaigns are stored, those that were charged aside"),
    _days(Kind.REJECTIONS, "rejection", "the counts of rejections are stored"),
    _days(Kind.UNDO, "undo", "a reduction can be undone"),
)
