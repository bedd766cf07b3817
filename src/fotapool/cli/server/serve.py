"""`fotapool emulate` and `fotapool serve`: settings from options, environment and a TOML file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from fotapool.cli.server.addresses import is_loopback
from fotapool.cli.server.config_file import config_option, read_config_file
from fotapool.cli.server.options.alerts import ALERT_OPTIONS
from fotapool.cli.server.options.in_effect import settings_in_effect
from fotapool.cli.server.options.oidc import OIDC_OPTIONS, check_oidc
from fotapool.cli.server.options.proxy import PROXY_OPTIONS
from fotapool.cli.server.options.rate_limits import RATE_LIMIT_OPTIONS, check_rate_limits
from fotapool.cli.server.options.records import LOG_OPTIONS, RETENTION_OPTIONS
from fotapool.core.secret_box import MIN_SECRET_KEY
from fotapool.core.settings import Settings, Timestamps

IN_MEMORY = ("sqlite://", "sqlite:///")
"""The URLs of a database that ends with its process."""
DATABASE = "sqlite:///fotapool.db"
"""The default database of `serve`, and of the commands that maintain it."""
DRAIN_S = 2
"""The default of --drain-s for `serve`."""
EMULATOR_KEY = "operator"
"""The default operator key of the emulator, if only this machine can reach it."""
DEMO_SEED = Path(__file__).parents[1] / "demo" / "seed.yaml"
"""The accounts of the published examples, with public secrets."""
MIN_OPERATOR_KEY = 16
"""Least length of an operator key that is given, unless only this machine can reach the server."""

FIRST_CLOCK, LAST_CLOCK = datetime(1970, 1, 1, tzinfo=UTC), datetime(9997, 12, 31, tzinfo=UTC)
"""The range of the emulator's clock: from the epoch, to where later billing months still have a date."""

Command = Callable[..., Any]


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> str | None:
    if path is not None:
        context.default_map = read_config_file(context, path, {parameter.name for parameter in context.command.params})
    return path


def _read_time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        if not FIRST_CLOCK <= time <= LAST_CLOCK:
            raise ValueError(text)
    except ValueError as error:
        raise click.BadParameter("must be a time from 1970 to 9997, as in 2026-03-01T00:00:00Z") from error
    return time


def _check_secret_key(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and len(text) < MIN_SECRET_KEY:
        raise click.BadParameter(f"must have at least {MIN_SECRET_KEY} characters")
    return text


class SeedFile(click.Path):
    """A file, or `demo` for the seed that the package has. `./demo` is a file of that name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return str(DEMO_SEED) if value == "demo" else super().convert(value, param, ctx)


_OPTIONS = (
    config_option(_read_config, "TOML file with any of these options, named without the leading dashes."),
    click.option("--host", default="127.0.0.1", help="Address to listen on."),
    click.option("--port", default=8080, type=click.IntRange(0, 65535), help="Port; 0 picks a free one."),
    *PROXY_OPTIONS,
    click.option("--workers", default=1, type=click.IntRange(1, 64), help="Number of worker processes."),
    click.option(
        "--worker-timeout-s",
        default=60,
        type=click.IntRange(1, 3600),
        help="Seconds after which a worker that does not respond is killed and replaced.",
    ),
    click.option(
        "--stop-timeout-s",
        default=10,
        type=click.IntRange(1, 3600),
        help="Seconds that requests in progress may take when the server stops; then they are ended.",
    ),
    click.option(
        "--database-timeout-s",
        default=10,
        type=click.IntRange(1, 300),
        help="Seconds that a statement of the database, or a change that waits, may take; then 503.",
    ),
    click.option(
        "--seed",
        type=SeedFile(exists=True, dir_okay=False),
        metavar="FILE",
        help="Seed document (YAML or JSON), or demo for the one of `fotapool demo` (only `emulate`); applied once, to "
        "an empty database.",
    ),
    click.option(
        "--random-seed",
        type=click.IntRange(0, 2**63 - 1),
        metavar="NUMBER",
        help="Random seed for reproducible ids, tokens and keys (only `emulate`).",
    ),
    click.option(
        "--clock",
        metavar="TIME",
        callback=_read_time,
        help="Initial time of the test clock, as 2026-03-01T00:00:00Z. It is frozen until it is moved by "
        "POST /control/v1/clock (only `emulate`).",
    ),
    click.option(
        "--operator-key",
        metavar="KEY",
        help="Key of the first operator; at least 16 characters, unless --host is a loopback address. "
        "Create operators with it, then retire it.",
    ),
    *OIDC_OPTIONS,
    click.option(
        "--secret-key",
        metavar="KEY",
        callback=_check_secret_key,
        help="Random text of at least 32 characters that encrypts stored secrets; all servers of a database need the "
        "same one. Default: a file made beside the SQLite file or the storage.",
    ),
    click.option("--page-size", default=1000, type=click.IntRange(1, 10_000), help="Maximum number of rows in a page."),
    click.option(
        "--max-devices-per-request",
        default=10_000,
        type=click.IntRange(1, 100_000),
        help="Maximum number of devices in a request.",
    ),
    click.option(
        "--max-head-bytes",
        default=64 * 1024,
        type=click.IntRange(1024, 1024**2),
        help="Bytes of the request line and headers together; more is answered 431.",
    ),
    click.option(
        "--max-headers",
        default=100,
        type=click.IntRange(10, 1000),
        help="Headers of a request; more are answered 431.",
    ),
    click.option(
        "--head-timeout-s",
        default=10,
        type=click.IntRange(1, 300),
        help="Seconds in which the head of a request must arrive; then 408.",
    ),
    click.option(
        "--body-timeout-s",
        default=30,
        type=click.IntRange(1, 3600),
        help="Seconds in which a body must arrive, plus the time that --min-body-bytes-per-s allows; then 408. Answers "
        "must be read as fast.",
    ),
    click.option(
        "--min-body-bytes-per-s",
        default=1024,
        type=click.IntRange(1, 1024**3),
        help="Least rate at which a long body must arrive, and an answer be read, in bytes per second.",
    ),
    click.option(
        "--max-connections",
        default=None,
        type=click.IntRange(1, 1_000_000),
        help="Connections of a process; by default as many as its limit of open files allows.",
    ),
    click.option(
        "--max-waiting-sign-ins",
        default=32,
        type=click.IntRange(1, 10_000),
        help="Passwords and client secrets that wait to be verified; further ones are answered 503.",
    ),
    click.option(
        "--max-failed-sign-ins",
        default=20,
        type=click.IntRange(0, 10_000),
        help="Failed sign-ins in a row from an address, then one every 2 seconds; 0 for no limit. "
        "The emulator has no limit.",
    ),
    click.option(
        "--failed-sign-in-delay-s",
        default=1,
        type=click.IntRange(0, 60),
        help="Seconds after which a further failed sign-in from that address is answered, at least.",
    ),
    *RATE_LIMIT_OPTIONS,
    click.option(
        "--max-uploads",
        default=32,
        type=click.IntRange(1, 10_000),
        help="Uploads at the same time in a process; further ones are answered 503.",
    ),
    click.option(
        "--max-uploads-per-account",
        default=4,
        type=click.IntRange(1, 10_000),
        help="Uploads of an account at the same time in a process.",
    ),
    click.option(
        "--storage",
        metavar="URL",
        help="Storage of files and packages: file:///directory, memory:///, s3://bucket or another object store; "
        "default: the directory fotapool-files, next to a SQLite file.",
    ),
    click.option(
        "--timestamps",
        default="auto",
        type=click.Choice([style.value for style in Timestamps]),
        help="Format of timestamps: as documented, RFC 3339, or by client (auto).",
    ),
    click.option(
        "--callback-timeout-s",
        default=10,
        type=click.IntRange(1, 30),
        help="Timeout of a callback request, in seconds.",
    ),
    click.option(
        "--callback-private-targets/--no-callback-private-targets",
        default=None,
        help="Allow callbacks to private addresses and plain HTTP; default: only in the emulator.",
    ),
    *ALERT_OPTIONS,
    *LOG_OPTIONS,
    *RETENTION_OPTIONS,
    click.option("--close-metrics", is_flag=True, help="Disable /metrics."),
    click.option(
        "--metrics-accounts",
        default=0,
        type=click.IntRange(0, 1000),
        help="Accounts that have metrics of their own: so many, the fullest ones.",
    ),
    click.option(
        "--otel",
        is_flag=True,
        help="Send traces and metrics by OpenTelemetry; the OTEL_ environment variables say where to and how many. "
        "Needs fotapool[otel].",
    ),
    click.option("--close-docs", is_flag=True, help="Disable /docs and /openapi.json."),
    click.option(
        "--tls",
        is_flag=True,
        help="Serve HTTPS for localhost and the vendor's host names, with a local certificate authority.",
    ),
    click.option(
        "--tls-directory",
        default="fotapool-tls",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Directory of the certificate authority and certificate of --tls.",
    ),
)


def _options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _database_option(default: str, help_text: str) -> Callable[[Command], Command]:
    return click.option("--database", default=default, metavar="URL", help=help_text)


def _drain_option(default: int) -> Callable[[Command], Command]:
    return click.option(
        "--drain-s",
        default=default,
        type=click.IntRange(0, 3600),
        help="Seconds after SIGTERM in which the server still serves, but /health/ready answers 503, so that load "
        "balancers send requests elsewhere.",
    )


@click.command(context_settings={"auto_envvar_prefix": "FOTAPOOL"})
@_database_option("sqlite://", "sqlite:///file.db, sqlite:// (in memory), or postgresql://…  [sqlite://]")
@_options
@_drain_option(0)
@click.option(
    "--address-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the server's address to this file when it is ready.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Reject members and query parameters that an operation does not take; without it, a hint names them.",
)
@click.option(
    "--init-dir",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Directory of start-up scripts (*.sh, *.py), run in order of name when the server is ready.",
)
@click.option(
    "--stop-with-parent",
    is_flag=False,
    flag_value=0,
    type=click.IntRange(0),
    metavar="[PID]",
    help="Stop when the parent process, or the process with this id, has ended.",
)
def emulate(address_file: str | None, init_dir: str | None, stop_with_parent: int | None, **values: Any) -> None:
    """Start the emulator, for development and CI: test clock, reset, snapshots and fault injection.

    \b
    Example:
      fotapool emulate --seed demo
      curl -X POST -H 'Authorization: Bearer operator' -d '{"advance": "PT20M"}' \\
        http://127.0.0.1:8080/control/v1/clock
    """
    if values["workers"] > 1:
        raise click.UsageError("the emulator supports only --workers 1: its test clock is in the process")
    _choose_operator_key(values, EMULATOR_KEY if is_loopback(values["host"]) else None)
    if stop_with_parent is not None:
        from fotapool.cli.server.parent import stop_with

        stop_with(stop_with_parent)
    _run(values, True, _path(address_file), _path(init_dir))


@click.command(context_settings={"auto_envvar_prefix": "FOTAPOOL"})
@_database_option(DATABASE, "sqlite:///file.db, or postgresql://user:password@host/database.")
@_options
@_drain_option(DRAIN_S)
def serve(**values: Any) -> None:
    """Start the server, for production: system clock, durable commits, no emulator features.

    \b
    Example:
      FOTAPOOL_OPERATOR_KEY=… fotapool serve --database postgresql://fotapool@db/fotapool --workers 2
    """
    for name in ("random_seed", "clock"):
        if values[name] is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} is only for `fotapool emulate`")
    if values["seed"] == str(DEMO_SEED):
        raise click.UsageError("--seed demo is only for `fotapool emulate`: everybody knows its secrets")
    _choose_operator_key(values, None)
    if values["operator_key"] and len(values["operator_key"]) < MIN_OPERATOR_KEY:
        click.echo(
            f"warning: the operator key has fewer than {MIN_OPERATOR_KEY} characters; choose a longer one", err=True
        )
    if values["workers"] > 1 and values["database"] in IN_MEMORY:
        raise click.UsageError("workers cannot share a database in memory; use sqlite:///file.db or --workers 1")
    if values["workers"] > 1 and (values["storage"] or "").startswith("memory:"):
        raise click.UsageError("workers cannot share storage in memory; use --storage file:///directory or --workers 1")
    if values["workers"] > 1 and values["database"].startswith("sqlite"):
        click.echo(
            "note: of several workers on a SQLite file only one writes at a time; use PostgreSQL for higher throughput",
            err=True,
        )
    _run(values, False)


def _choose_operator_key(values: dict[str, Any], default: str | None) -> None:
    """Sets the operator key: the given one, or the default; None is left to `process.choose_operator_key`."""
    given = values["operator_key"]
    if not given:
        values["operator_key"] = default
    elif len(given) < MIN_OPERATOR_KEY and not is_loopback(values["host"]):
        raise click.UsageError(
            f"--operator-key must have at least {MIN_OPERATOR_KEY} characters, because {values['host']} can be reached"
            " from other machines; leave it out to have one made and printed"
        )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _run(values: dict[str, Any], emulator: bool, address_file: Path | None = None, scripts: Path | None = None) -> None:
    from fotapool.cli.server.process import StartFailed
    from fotapool.cli.server.running import run_server

    check_oidc(values)
    check_rate_limits(values)
    settings = msgspec.convert({**values, "emulator": emulator}, Settings)
    in_effect = settings_in_effect(click.get_current_context(), settings)
    settings = msgspec.structs.replace(settings, in_effect=in_effect)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            run_server(settings, address_file, scripts)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error
