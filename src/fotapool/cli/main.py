"""The `fotapool` command."""

from __future__ import annotations

import click

from fotapool import __version__
from fotapool.cli.database import database
from fotapool.cli.demo import demo
from fotapool.cli.serve import emulate, serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fotapool")
def main() -> None:
    """A server for FOTA licenses that speaks Verizon ThingSpace Software Management Services.

    \b
    Try it:          fotapool demo
    In your tests:   fotapool emulate --seed seed.yaml
    In production:   fotapool serve --database postgresql://user:password@host/fotapool
    """


for command in (demo, emulate, serve, database):
    main.add_command(command)
