"""The command `fotapool mcp`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.failures import UsageError


@click.command()
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Allow changes on a server started by `fotapool serve`. An emulator may always be changed.",
)
@options.admin_client_options
def mcp(client: Any, allow_changes: bool) -> None:
    """Let a coding assistant look at a server: a server of the Model Context Protocol on standard input and output.

    \b
    Examples:
      fotapool mcp
      fotapool mcp --address http://127.0.0.1:8080
      fotapool mcp --profile lab

    The assistant starts this command; docs/how-to/assistants.md has the lines for its configuration. The server may
    start later. Needs fotapool[mcp].
    """
    try:
        import mcp as _  # noqa: F401
    except ImportError as error:
        raise UsageError("fotapool mcp needs a further package", "Run: pip install 'fotapool[mcp]'") from error
    from fotapool.cli.mcp.server import build_server

    build_server(client, allow_changes).run("stdio")
