"""docs/reference/settings.md and docs/reference/commands.md: from the options of the commands themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import msgspec

from fotapool.cli.main import main
from fotapool.cli.server.options.in_effect import default_of, variable_of
from fotapool.cli.server.serve import EMULATOR_KEY, emulate, serve
from fotapool.core.settings import Settings
from fotapool.domain import identity, packages
from fotapool.domain.accounts import subscriptions
from fotapool.domain.campaigns import campaigns
from fotapool.domain.devices import devices
from fotapool.domain.licenses import candidates
from fotapool.services.campaigns import reports, steps
from fotapool.services.context import OPERATOR_PAGE
from fotapool.services.devices import devices as imports
from fotapool.services.simulation import fleets
from fotapool.store.callbacks import leases
from fotapool.store.db import writer
from generated.tables import code, table

COLUMNS = "104"
PRINT_HELPS = """
import contextlib, io, json, sys
from fotapool.cli.main import main
texts = []
for arguments in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        main([*arguments, "--help"], prog_name="fotapool", standalone_mode=False)
    texts.append(text.getvalue())
json.dump(texts, sys.stdout)
"""
FIXED = {
    "inspector_requests": "requests that the emulator's inspector records",
    "max_body_bytes": "bytes of a request's body, imports aside",
    "max_file_bytes": "bytes of a file or of a package's content",
    "max_import_line_bytes": "bytes of one line, or of one element, of an import",
    "retry_after_s": "seconds that `Retry-After` names when the database does not answer",
}
LIMITS = (
    (identity.BEARER_LIFETIME_MS // 1000, "seconds that a bearer token lives from its first issue"),
    (identity.SESSION_IDLE_MS // 1000, "seconds without a request after which a session ends"),
    (identity.MAX_FAILED_LOGINS, "failed logins in a row that lock a user"),
    (candidates.MAX_CANDIDATES, "devices on an account's candidate list"),
    (subscriptions.MAX_LICENSES, "licenses of a subscription"),
    (devices.MAX_TEXT, "characters of make, model, firmware and MDN"),
    (packages.PILOT_DEVICES, "devices of a campaign of version 2 or 3 until its package has passed its pilot"),
    (campaigns.MAX_CAMPAIGN_DAYS, "days from a campaign's start to its end"),
    (campaigns.MAX_WINDOWS, "time windows of a campaign, of each kind"),
    (campaigns.HISTORY_MS // campaigns.DAY_MS, "days that lists and reports of campaigns go back"),
    (reports.MAX_DEVICES_SHOWN, "devices that answers of version 1 list within upgrades"),
    (steps.STEP_DEVICES, "devices of a campaign that one transaction handles"),
    (devices.MAX_LOGGING_DEVICES, "devices of an account with logging on"),
    (leases.DELIVERIES_PER_LEASE, "callbacks sent to a listener under one lease"),
    (fleets.MAX_FLEET, "devices of one simulated fleet"),
    (imports.IMPORT_BATCH, "lines of an import that one transaction takes"),
    (OPERATOR_PAGE, "rows of a page of the operator API"),
    (writer.MAX_WAITING, "changes of one process that may wait; one more is answered 503"),
    (writer.MAX_BATCH_COMMANDS, "changes that one transaction takes"),
    (writer.MAX_BATCH_DEVICES, "devices after which a transaction takes no further change"),
)


def options(command: click.Command) -> dict[str, click.Option]:
    return {str(option.name): option for option in command.params if isinstance(option, click.Option)}


def _default(option: click.Option | None) -> str:
    if option is None:
        return "no such option"
    if option.name == "operator_key":
        made = "made at each start and printed"
        return (
            f"{code(EMULATOR_KEY)} on a loopback address, else {made}"
            if option is options(emulate)["operator_key"]
            else made
        )
    default = default_of(option)
    return default if default in ("on", "off", "none") else code(default)


def settings() -> str:
    """Every option of the two servers."""
    here, there = options(emulate), options(serve)
    rows = []
    for name in dict.fromkeys([*there, *here]):
        option = there.get(name) or here[name]
        defaults = list(dict.fromkeys([_default(there.get(name)), _default(here.get(name))]))
        default = defaults[0] if len(defaults) == 1 else f"{defaults[0]} (`serve`), {defaults[1]} (`emulate`)"
        key = "" if name == "config" else code(name.replace("_", "-"))
        rows.append([code(option.opts[0]), code(variable_of(option)), key, default, option.help or ""])
    return table(["Option", "Environment", "Key in TOML", "Default", "What it does"], rows)


def fixed() -> str:
    """The limits that no option changes."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    rows = [[f"{defaults[name]:,}", text] for name, text in FIXED.items()]
    return table(["Value", "Of what"], [*rows, *([f"{value:,}", text] for value, text in LIMITS)])


def commands(
    command: click.Command = main, path: tuple[str, ...] = ("fotapool",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its name: `fotapool database migrate` in parts."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from commands(child, (*path, name))


def helps() -> str:
    """What `--help` prints for each command, in a process of its own: click remembers how it was called before."""
    paths = [path for path, _ in commands()]
    done = subprocess.run(
        [sys.executable, "-c", PRINT_HELPS],
        input=json.dumps([path[1:] for path in paths]),
        env={**os.environ, "COLUMNS": COLUMNS},
        capture_output=True,
        text=True,
        check=True,
    )
    parts = []
    for path, text in zip(paths, json.loads(done.stdout), strict=True):
        lines = [line.rstrip() for line in text.splitlines()]
        parts.append(f"## {' '.join(path)}\n\n```text\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts)


SECTIONS: dict[str, Callable[[], str]] = {"settings": settings, "limits": fixed, "commands": helps}
