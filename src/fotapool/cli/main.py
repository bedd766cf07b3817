"""The `fotapool` command."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import click

from fotapool import __version__
from fotapool.cli.standard_output import checked_output
from fotapool.cli.variables import warn_of_unknown_variables

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CLIENT = "fotapool.cli.client"
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Servers": {
        "demo": ("fotapool.cli.demo.command", "Start an emulator and run a guided tour of the API."),
        "emulate": ("fotapool.cli.server.serve", "Start the emulator, for development and CI."),
        "serve": ("fotapool.cli.server.serve", "Start the server, for production."),
        "database": ("fotapool.cli.server.database", "Migrate, verify, back up and restore a database."),
    },
    "Documented API (this server, or the vendor's)": {
        "licenses": (f"{CLIENT}.licenses.licenses", "Assign, remove and list licenses in bulk."),
        "candidates": (f"{CLIENT}.licenses.candidates", "Manage cancellation candidates."),
        "campaigns": (f"{CLIENT}.campaigns.campaigns", "Schedule, watch, list and cancel campaigns."),
    },
    "Operator API": {
        "find": (f"{CLIENT}.accounts.search", "Find devices, accounts, campaigns, firmware, users and requests."),
        "accounts": (f"{CLIENT}.accounts.accounts", "Create, show, suspend, close and audit accounts."),
        "subscription": (f"{CLIENT}.accounts.subscription", "Show and change the number of licenses."),
        "firmware": (f"{CLIENT}.campaigns.firmware", "Create, list, change and delete firmware packages."),
        "files": (f"{CLIENT}.campaigns.firmware", "List the configuration files of an account."),
        "devices": (f"{CLIENT}.devices.devices", "Import, list, show, move and delete devices."),
        "ledger": (f"{CLIENT}.accounts.ledger", "Print the license ledger of an account."),
        "statements": (f"{CLIENT}.accounts.statements", "List, print and export billing statements."),
        "reconcile": (f"{CLIENT}.accounts.reconcile", "Compare the carrier's licenses with those of the server."),
        "deliveries": (f"{CLIENT}.accounts.deliveries", "List, show and repeat callback deliveries."),
        "alerts": (f"{CLIENT}.accounts.alerts", "List and acknowledge alerts."),
        "alert-rules": (f"{CLIENT}.accounts.alerts", "Set, silence, test and delete alert rules."),
        "stop-rule": (f"{CLIENT}.campaigns.stop_rule", "Show and set when campaigns that fail are stopped."),
        "audit-log": (f"{CLIENT}.accounts.audit_log", "List and export what operators did and were refused."),
        "retention": (f"{CLIENT}.accounts.retention", "Show for how long data are stored, and delete older data."),
        "system": (f"{CLIENT}.accounts.system", "Show whether the server is ready, and its settings."),
        "users": (f"{CLIENT}.identity.credentials", "Manage users, their accounts and passwords."),
        "clients": (f"{CLIENT}.identity.credentials", "Manage OAuth clients."),
        "operators": (f"{CLIENT}.identity.credentials", "Manage operators, their keys and roles."),
        "sessions": (f"{CLIENT}.identity.credentials", "List who is signed in, and end sessions."),
        "device-keys": (f"{CLIENT}.identity.credentials", "Manage the keys of devices."),
    },
    "Emulator": {
        "clock": (f"{CLIENT}.emulator.clock", "Show and move the test clock."),
        "snapshot": (f"{CLIENT}.emulator.snapshot", "Save and restore the emulator's state."),
        "faults": (f"{CLIENT}.emulator.faults", "Inject faults."),
        "requests": (f"{CLIENT}.emulator.requests", "Inspect recorded requests, with hints."),
    },
    "Coding assistants": {
        "mcp": ("fotapool.cli.mcp.command", "Let a coding assistant look at a server (Model Context Protocol)."),
    },
    "Comparison with the real service": {
        "record": ("fotapool.cli.record", "Proxy a real service and record it without secrets."),
        "compare": ("fotapool.cli.compare", "Replay a recording and print the differences."),
    },
    "Description of the API": {
        "openapi": ("fotapool.cli.openapi", "Print the OpenAPI document, or a request of each operation."),
    },
    "Local settings": {
        "profiles": (f"{CLIENT}.profiles", "Manage profiles of addresses and credentials."),
        "completion": (f"{CLIENT}.completion", "Print the shell completion script."),
    },
}
"""Module and summary of each command, by section of `fotapool --help`. Modules are imported on use."""
COMMANDS = {name: command for commands in SECTIONS.values() for name, command in commands.items()}


class LazyCommands(click.Group):
    """The commands of SECTIONS, imported on use."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the command line. Ends with a message if the output cannot be written."""
        with checked_output():
            return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", summary) for name, (_, summary) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes from SECTIONS; the base class would import every command."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=summary) for name, (_, summary) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fotapool")
def main() -> None:
    """A server for FOTA upgrades and licenses with the API of Verizon ThingSpace Software Management Services.

    \b
    Try it:          fotapool demo
    In your tests:   fotapool emulate --seed demo
    In production:   fotapool serve --database postgresql://user:password@host/fotapool
    As a client:     fotapool accounts list
    """
    warn_of_unknown_variables(os.environ)
