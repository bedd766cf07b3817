"""The server of the Model Context Protocol: its tools, and how their failures are reported."""

from __future__ import annotations

import functools
from collections.abc import Callable

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from fotapool import __version__
from fotapool.cli.client.failures import Failure
from fotapool.cli.client.http.admin_client import AdminClient
from fotapool.cli.client.http.calls import undocumented_form
from fotapool.cli.mcp.accounts import AccountTools
from fotapool.cli.mcp.connection import Connection
from fotapool.cli.mcp.documentation import search_docs
from fotapool.cli.mcp.emulator import EmulatorTools

INSTRUCTIONS = """\
fotapool is a server for firmware upgrades and licenses of devices, with the API of Verizon ThingSpace Software \
Management Services. These tools look at a running one through its operator API.
To find out why a call failed: list_requests with refused_only, then show_request; the hints say what was wrong. \
search_docs explains error messages and has every operation.
Answers are JSON of at most 20,000 characters; `more` says how to get the rest. Tools that change something work on an \
emulator, and on a server in production only if it was allowed."""
Tool = Callable[..., str]


def tools_of(connection: Connection) -> dict[Tool, bool]:
    """The tools in order, each with whether it changes something."""
    accounts, emulator = AccountTools(connection), EmulatorTools(connection)
    return {
        emulator.show_server: False,
        emulator.list_requests: False,
        emulator.show_request: False,
        search_docs: False,
        accounts.list_accounts: False,
        accounts.show_account: False,
        accounts.list_devices: False,
        accounts.show_device: False,
        accounts.preview_subscription: False,
        accounts.list_campaigns: False,
        accounts.show_campaign: False,
        accounts.list_deliveries: False,
        accounts.show_delivery: False,
        accounts.redeliver_callback: True,
        emulator.move_clock: True,
        emulator.list_faults: False,
        emulator.add_fault: True,
        emulator.delete_faults: True,
    }


def build_server(client: AdminClient, allow_changes: bool) -> MCPServer:
    """The server with its tools, for this client of the operator API."""
    server = MCPServer(
        "fotapool", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING", subscriptions=False
    )
    for tool, changes in tools_of(Connection(client, allow_changes)).items():
        annotations = ToolAnnotations(read_only_hint=not changes, open_world_hint=False)
        server.add_tool(_reporting(tool, client), annotations=annotations, structured_output=False)
    return server


def _reporting(tool: Tool, client: AdminClient) -> Tool:
    """The tool, with failures of the client as errors of the tool: the server's sentence, and the next step."""

    @functools.wraps(tool)
    def call(*args: object, **given: object) -> str:
        try:
            return tool(*args, **given)
        except Failure as failure:
            raise ToolError(failure.format_message()) from failure
        except (LookupError, TypeError, AttributeError) as error:
            if client.last_response is None:
                raise
            raise ToolError(undocumented_form(client.last_response, error).format_message()) from error

    return call
