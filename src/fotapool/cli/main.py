"""The `fotapool` command."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from fotapool import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CLIENT = "fotapool.cli.client"
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Servers": {
        "demo": ("fotapool.cli.demo.command", "See it work: a server, and a walk through it."),
        "emulate": ("fotapool.cli.server.serve", "Start the server for developers and CI."),
        "serve": ("fotapool.cli.server.serve", "Start the server for operators."),
        "database": ("fotapool.cli.server.database", "Migrate, verify and back up a database."),
    },
    "For users of an account, by the documented API (also the vendor's)": {
        "licenses": (f"{CLIENT}.licenses.licenses", "Assign, remove and list licenses, any number of them."),
        "candidates": (f"{CLIENT}.licenses.candidates", "Say which devices lose their license first."),
        "campaigns": (f"{CLIENT}.campaigns.campaigns", "Schedule campaigns and follow them."),
    },
    "For operators": {
        "accounts": (f"{CLIENT}.accounts.accounts", "Make, look at, suspend and audit accounts."),
        "subscription": (f"{CLIENT}.accounts.subscription", "Change the number of licenses, after a preview."),
        "devices": (f"{CLIENT}.devices.devices", "Import devices into an account, and list them."),
        "ledger": (f"{CLIENT}.accounts.ledger", "Who moved which license, when and why."),
        "statements": (f"{CLIENT}.accounts.statements", "What an account is to pay for a month."),
        "deliveries": (f"{CLIENT}.callbacks", "Callbacks and their attempts; deliver them again."),
        "users": (f"{CLIENT}.identity.credentials", "Users, their accounts, and who is locked."),
        "clients": (f"{CLIENT}.identity.credentials", "OAuth clients."),
        "operators": (f"{CLIENT}.identity.credentials", "Operators, their keys and roles."),
    },
    "For the emulator": {
        "clock": (f"{CLIENT}.emulator.clock", "Look at the test clock and move it."),
        "snapshot": (f"{CLIENT}.emulator.snapshot", "Keep what the emulator has in a file; go back to it."),
        "faults": (f"{CLIENT}.emulator.faults", "Make it fail on demand."),
        "requests": (f"{CLIENT}.emulator.requests", "What clients sent, and what was wrong in it."),
    },
    "Beside the real service": {
        "record": ("fotapool.cli.record", "Pass requests on to a real service, and keep them redacted."),
        "compare": ("fotapool.cli.compare", "Replay a recording here, and print the differences."),
    },
    "For this machine": {
        "profiles": (f"{CLIENT}.profiles.profiles", "Keep addresses and credentials under a name."),
        "completion": (f"{CLIENT}.completion", "Complete commands, options and names in your shell."),
    },
}
"""Where the commands are, and what `fotapool --help` says of each: a command's module is imported when it is used."""
COMMANDS = {name: command for commands in SECTIONS.values() for name, command in commands.items()}


class LazyCommands(click.Group):
    """The commands of the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", words) for name, (_, words) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As the base class does for groups, without importing every command for its help."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=words) for name, (_, words) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fotapool")
def main() -> None:
    """A server for FOTA licenses that speaks Verizon ThingSpace Software Management Services, and its client.

    \b
    Try it:          fotapool demo
    In your tests:   fotapool emulate --seed seed.yaml
    In production:   fotapool serve --database postgresql://user:password@host/fotapool
    As a client:     fotapool accounts list
    """
