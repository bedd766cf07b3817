"""`fotapool retention …`: for how long data are stored, and deleting what is older."""

from __future__ import annotations

from fotapool.cli.client.resources import resource_group


@resource_group
def retention() -> None:
    """Show for how long data are stored, and delete what is older.

    \b
    Examples:
      fotapool retention list
      fotapool retention purge --kind checkIns
    """
