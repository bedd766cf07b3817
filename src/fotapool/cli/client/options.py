"""What commands have in common: whom they talk to, how they print, how they take devices; names that complete."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

Command = Callable[..., Any]
MAX_LIMIT = 1_000_000
SHOWN_ROWS = 100
COMPLETED_NAMES = 100

_profile = click.option(
    "--profile",
    envvar="FOTAPOOL_PROFILE",
    metavar="NAME",
    help="Which server and whose tokens: see `fotapool profiles`.",
)
_address = click.option(
    "--address", metavar="URL", help="The server's address, in place of the profile's or of FOTAPOOL_ADDRESS."
)

as_json = click.option("--json", "as_json", is_flag=True, help="JSON for programs; of a list, one line for each row.")
limit = click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    metavar="N",
    help=f"Rows to print; {SHOWN_ROWS} of a table by default, all with --json or --csv.",
)
yes = click.option("--yes", is_flag=True, help="Do not ask.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a command with the exit code that shells give it."""
    from fotapool.cli.client.failures import Interrupted

    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("stopped") from error


def admin_client_options(command: Command) -> Command:
    """The command's first argument is the operator plane of the server that the options choose."""

    @_profile
    @_address
    @functools.wraps(command)
    def run(*args: Any, profile: str | None, address: str | None, **values: Any) -> Any:
        from fotapool.cli.client.http.admin_client import AdminClient
        from fotapool.cli.client.http.target import choose_target

        with _interruptible(), AdminClient(choose_target(profile, address)) as plane:
            return command(plane, *args, **values)

    return run


def api_client_options(command: Command) -> Command:
    """The command's first argument is the documented API of the server that the options choose."""

    @_profile
    @_address
    @functools.wraps(command)
    def run(*args: Any, profile: str | None, address: str | None, **values: Any) -> Any:
        from fotapool.cli.client.http.api_client import Api
        from fotapool.cli.client.http.target import choose_target

        with _interruptible(), Api(choose_target(profile, address)) as api:
            return command(api, *args, **values)

    return run


class AccountName(click.ParamType[str]):
    """An account's name. Completes to the server's accounts, where the operator key is at hand."""

    name = "account"
    _form = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._form.fullmatch(value):
            self.fail(f"{value!r} is no name of an account; it is like 0242078689-00001, with its zeros", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from fotapool.cli.client.http.admin_client import AdminClient
        from fotapool.cli.client.http.target import choose_target

        try:
            with AdminClient(choose_target(ctx.params.get("profile"), ctx.params.get("address"))) as plane:
                before = incomplete[:-1] + chr(ord(incomplete[-1]) - 1) if incomplete else ""
                page = plane.call("GET", "/accounts", query={"limit": COMPLETED_NAMES, "after": before})
        except click.ClickException:
            return []
        return [CompletionItem(row["name"]) for row in page["accounts"] if row["name"].startswith(incomplete)]


account = click.argument("account", type=AccountName(), metavar="ACCOUNT")


def devices(command: Command) -> Command:
    """Adds the argument DEVICE… and the options that read devices from a file or a pipe."""
    for option in (
        click.option("--skip-malformed", is_flag=True, help="Leave out what is no IMEI, in place of sending nothing."),
        click.option(
            "--file",
            "-f",
            "path",
            type=click.Path(dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="Devices from a file, or - for a pipe: IMEIs, CSV with a column deviceId or imei, or JSON lines.",
        ),
        click.argument("device", nargs=-1, metavar="[DEVICE]..."),
    ):
        command = option(command)
    return command
