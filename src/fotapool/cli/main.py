"""The `fotapool` command."""

from __future__ import annotations

import importlib

import click

from fotapool import __version__

COMMANDS = {
    "database": "fotapool.cli.database", "demo": "fotapool.cli.demo", "emulate": "fotapool.cli.serve",
    "serve": "fotapool.cli.serve",
}  # fmt: skip
"""Where the commands are; a command's module is imported when the command is used."""


class LazyCommands(click.Group):
    """The commands of the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fotapool")
def main() -> None:
    """A server for FOTA licenses that speaks Verizon ThingSpace Software Management Services.

    \b
    Try it:          fotapool demo
    In your tests:   fotapool emulate --seed seed.yaml
    In production:   fotapool serve --database postgresql://user:password@host/fotapool
    """
