"""Environment variables that no command reads: probably misspelt."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

from fotapool.core.similar import did_you_mean

PREFIX = "FOTAPOOL_"
OF_CLIENTS = {
    f"{PREFIX}{name}"
    for name in (
        *("ADDRESS", "CA_FILE", "CLIENT_KEY", "CLIENT_SECRET", "OPERATOR_KEY", "PASSWORD", "PROFILE", "PROFILE_DIR"),
        *("BASIC", "BEARER", "RECORD", "SESSION", "URL", "USER"),
    )
}
"""The variables of commands that call a server, and of the requests that the inspector prints."""
OF_OTHERS = re.compile(rf"{PREFIX}(?:TEST_\w+|SERVICE_\w+|PORT_\w+)")
"""The variables of the pytest plugin, and those that Kubernetes sets for a service called fotapool."""


def known_variables() -> set[str]:
    """The variables of the options of `emulate` and `serve`, and of the client."""
    from fotapool.cli.server.serve import emulate, serve

    options = [one for command in (emulate, serve) for one in command.params if isinstance(one, click.Option)]
    return OF_CLIENTS | {str(one.envvar or f"{PREFIX}{str(one.name).upper()}") for one in options}


def warn_of_unknown_variables(environment: Mapping[str, str]) -> None:
    """Prints a warning for each variable that has the prefix and is not known."""
    found = [name for name in environment if name.startswith(PREFIX) and name not in OF_CLIENTS]
    found = [name for name in found if not OF_OTHERS.fullmatch(name)]
    if not found:
        return
    known = known_variables()
    for name in sorted(set(found) - known):
        nearest = did_you_mean(name, known)
        click.echo(f"warning: {name} is not a variable of fotapool and has no effect{nearest}", err=True)
