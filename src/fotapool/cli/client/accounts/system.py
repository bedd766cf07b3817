"""`fotapool system`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import print_json, print_record, print_table

_STATE = "ready status reason version database startTime:started time testClock changesWaiting"
_STORED = (
    "schemaVersion campaignsRunning callbacksWaiting oldestCallback jobsDue nextJob workerLagSeconds:worker_lag_seconds"
)


@click.command()
@click.option("--changed", is_flag=True, help="Print only settings that differ from their default.")
@options.as_json
@options.admin_client_options
def system(client: Any, changed: bool, as_json: bool) -> None:
    """Show whether the server is ready, what waits, and the settings in effect, without secrets.

    \b
    Examples:
      fotapool system
      fotapool system --changed
      fotapool system --json
    """
    answer = client.call("GET", "/system")
    settings = [one for one in answer["settings"] if not (changed and one["isDefault"])]
    if as_json:
        print_json({**answer, "settings": settings})
        return
    print_record({**answer, **(answer["stored"] or {})}, False, f"{_STATE} {_STORED}" if answer["stored"] else _STATE)
    if settings:
        click.echo()
        print_table(settings, "option:setting value unit default source description")
