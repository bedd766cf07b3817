"""Options that commands share: the server and credentials, output, devices; completion of account names."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from fotapool.cli.client.failures import Interrupted
from fotapool.cli.client.http.target import choose_target
from fotapool.cli.client.output import DEFAULT_ROWS

if TYPE_CHECKING:
    from fotapool.cli.client.http.admin_client import AdminClient
    from fotapool.cli.client.http.api_client import ApiClient

Command = Callable[..., Any]
MAX_LIMIT = 1_000_000
COMPLETED_NAMES = 100

_profile = click.option(
    "--profile",
    envvar="FOTAPOOL_PROFILE",
    metavar="NAME",
    help="Profile with the server's address and credentials; see `fotapool profiles`.",
)
_address = click.option(
    "--address", metavar="URL", help="Address of the server; overrides the profile and FOTAPOOL_ADDRESS."
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; a list is printed as one object per line.")
limit = click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    metavar="N",
    help=f"Maximum number of rows; default {DEFAULT_ROWS} for a table, no limit with --json or --csv.",
)
yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def admin_client_options(command: Command) -> Command:
    """Adds --profile and --address; the command's first argument is an AdminClient of that server."""
    return _client_options(command, api=False)


def api_client_options(command: Command) -> Command:
    """Adds --profile and --address; the command's first argument is an ApiClient of that server."""
    return _client_options(command, api=True)


def _client_options(command: Command, api: bool) -> Command:
    @_profile
    @_address
    @functools.wraps(command)
    def run(*args: Any, profile: str | None, address: str | None, **values: Any) -> Any:
        try:
            with _open_client(api, profile, address) as client:
                try:
                    return command(client, *args, **values)
                except (LookupError, TypeError, AttributeError, ValueError) as error:
                    if client.last_response is None:
                        raise
                    from fotapool.cli.client.http.calls import undocumented_form

                    raise undocumented_form(client.last_response, error) from error
        except KeyboardInterrupt as error:
            raise Interrupted("stopped") from error

    return run


def _open_client(api: bool, profile: str | None, address: str | None) -> AdminClient | ApiClient:
    """Imports the HTTP library here: `--help` and completion of options do not need it."""
    from fotapool.cli.client.http.admin_client import AdminClient
    from fotapool.cli.client.http.api_client import ApiClient

    target = choose_target(profile, address)
    return ApiClient(target) if api else AdminClient(target)


class AccountName(click.ParamType[str]):
    """An account's name. Completes to the server's accounts if the operator key is known."""

    name = "account"
    _form = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._form.fullmatch(value):
            self.fail(f"{value!r} is not an account name; expected one like 0242078689-00001", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        after = incomplete[:-1] + chr(ord(incomplete[-1]) - 1) if incomplete else ""
        try:
            with _open_client(False, ctx.params.get("profile"), ctx.params.get("address")) as client:
                page = client.call("GET", "/accounts", query={"limit": COMPLETED_NAMES, "after": after})
        except click.ClickException:
            return []
        return [CompletionItem(row["name"]) for row in page["accounts"] if row["name"].startswith(incomplete)]


account = click.argument("account", type=AccountName(), metavar="ACCOUNT")


def _read_time(_: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """The time as the operator API takes it; a date is its beginning in UTC."""
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("must be a date or a time, as 2026-12-01 or 2026-12-01T08:00:00Z") from error
    return text


since = click.option(
    "--since", metavar="TIME", callback=_read_time, help="Only entries from this time on, as 2026-12-01."
)
until = click.option("--until", metavar="TIME", callback=_read_time, help="Only entries before this time.")
file = click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")

failed_lines = click.option(
    "--failed-lines",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the lines that failed to this CSV file, with line, value and reason, to fix and send again.",
)

campaign = click.argument("campaign", metavar="CAMPAIGN")


def api_version(*versions: str, help_text: str = "API version.") -> Callable[[Command], Command]:
    """The option --api; the newest version is the default."""
    return click.option(
        "--api", "version", type=click.Choice(versions), default=versions[-1], show_default=True, help=help_text
    )


campaign_version = api_version(
    "v2", "v3", help_text="API version: v3 for firmware (network-aware push), v2 for software (pull)."
)


def devices(command: Command) -> Command:
    """Adds the argument DEVICE… and the options that read devices from a file or standard input."""
    for option in (
        failed_lines,
        click.option("--skip-malformed", is_flag=True, help="Skip lines that are not IMEIs; default: send nothing."),
        click.option(
            "--file",
            "-f",
            "path",
            type=click.Path(dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="Read devices from a file, or standard input (-): IMEIs, CSV with a column imei or deviceId, "
            "or JSON lines.",
        ),
        click.argument("device", nargs=-1, metavar="[DEVICE]..."),
    ):
        command = option(command)
    return command
