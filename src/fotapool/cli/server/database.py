"""`fotapool database migrate | verify | backup FILE | restore FILE`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fotapool.cli.server.config_file import config_option, read_config_file
from fotapool.cli.server.serve import DATABASE, IN_MEMORY, emulate, serve
from fotapool.core.clock import SystemClock
from fotapool.core.files import PRIVATE_UMASK
from fotapool.services.audit_log.drafts import MASKED, command_draft
from fotapool.store.accounts.accounts import read_accounts
from fotapool.store.audit_log import AuditEntry, record_entry
from fotapool.store.db import backups, schema
from fotapool.store.db.audit import read_audit
from fotapool.store.db.connection import Connection, Database, StoreMismatch, StoreUnavailable
from fotapool.store.db.factory import driver_errors, open_database
from fotapool.store.db.sqlite import SqliteConnection, SqliteDatabase, missing_directory

_ACCOUNTS_PER_PAGE = 1000
HOW_TO_RESTORE_POSTGRES = (
    "stop all servers, then restore a PostgreSQL database with its own tools: "
    "pg_restore --clean --if-exists --no-owner --exit-on-error --dbname URL FILE"
)


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None:
        known = {parameter.name for command in (serve, emulate) for parameter in command.params}
        values = read_config_file(context, path, known)
        if "database" in values:
            context.default_map = {"url": values["database"]}


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `fotapool serve` that say which database, with their variables and their TOML file."""
    url = click.option(
        "--database",
        "url",
        envvar="FOTAPOOL_DATABASE",
        default=DATABASE,
        metavar="URL",
        show_default=True,
        help="The database, as for `fotapool serve`.",
    )
    config = config_option(_read_config, "TOML file of the server; its `database` is used.")
    return url(config(command))


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Errors of the store as sentences."""
    try:
        yield
    except (StoreUnavailable, StoreMismatch, ValueError) as error:
        raise click.ClickException(str(error).strip()) from error
    except driver_errors() as error:
        raise click.ClickException(f"the database refused a statement: {str(error).strip()}") from error


def _database(url: str) -> Database:
    if url in IN_MEMORY:
        raise click.ClickException(f"{url} is in the memory of a server: name a file or a PostgreSQL database")
    found = open_database(url, durable=True)
    if isinstance(found, SqliteDatabase) and (advice := missing_directory(found.path)):
        raise click.ClickException(advice)
    return found


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection to a database that has a schema, of whatever version."""
    with _said():
        found = _database(url)
        if isinstance(found, SqliteDatabase) and not Path(found.path).exists():
            raise click.ClickException(f"there is no database {found.path}; `fotapool serve` creates it")
        with contextlib.closing(found.connect()) as connection:
            if schema.read_version(connection) is None:
                shown = found.path if isinstance(found, SqliteDatabase) else "the database"
                raise click.ClickException(f"{shown} is empty; `fotapool serve` sets it up")
            yield connection


def _entry(action: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None) -> AuditEntry:
    """The audit log's entry of this command."""
    draft = command_draft(action)
    draft.describe(before, after)
    return draft.entry(SystemClock().now_ms())


def _migrated(before: str | None, after: str | None) -> AuditEntry:
    return _entry("migrateDatabase", {"schema": before}, {"schema": after})


@click.group()
def database() -> None:
    """Migrate a database's schema, verify its invariants, back it up and restore it."""
    os.umask(PRIVATE_UMASK)


@database.command()
@_settings
@click.pass_context
def migrate(context: click.Context, url: str) -> None:
    """Migrate the schema to this version. Stop all servers and make a backup first."""
    from fotapool.store.db.migrations import migrate_to_head

    with _said():
        found = _database(url)
        named = context.get_parameter_source("url") != ParameterSource.DEFAULT
        if isinstance(found, SqliteDatabase) and not named and not Path(found.path).exists():
            raise click.ClickException(f"there is no database {found.path}: name yours with --database or --config")
        before, after = migrate_to_head(url, _migrated)
    click.echo(f"schema {after}, unchanged" if before == after else f"schema {before or 'empty'} -> {after}")


@database.command()
@_settings
def verify(url: str) -> None:
    """Recompute every invariant of every account; exit code 1 if one is violated."""
    violations = accounts = 0
    after = ""
    with _connected(url) as connection:
        schema.check(connection)
        problems = backups.find_problems(connection)
        if problems:
            raise click.ClickException(f"the database is malformed: {'; '.join(problems)}")
        connection.begin_snapshot()
        while page := read_accounts(connection, after, _ACCOUNTS_PER_PAGE):
            for account in page:
                accounts += 1
                for check in read_audit(connection, account.id):
                    if not check.ok:
                        violations += 1
                        click.echo(f"{account.name}: {check.says}: {check.found}", err=True)
            after = page[-1].name
        connection.rollback()
    click.echo(f"{accounts} accounts, {violations} violations")
    if not accounts:
        click.echo("note: the database has no account, so nothing was verified: is it the right one?", err=True)
    if violations:
        raise SystemExit(1)


@database.command()
@click.argument("file", type=click.Path(exists=False, dir_okay=False))
@_settings
def backup(file: str, url: str) -> None:
    """Back up a SQLite database to FILE, whatever its schema; servers can keep running.

    For PostgreSQL, use pg_dump.
    """
    with _connected(url) as connection:
        if not isinstance(connection, SqliteConnection):
            raise click.ClickException("to back up a PostgreSQL database, use pg_dump --format=custom")
        backups.back_up(connection, Path(file))
    click.echo(f"copied to {file}")


@database.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_settings
def restore(file: str, url: str) -> None:
    """Put the backup FILE in the place of a SQLite database. Stop all servers first.

    What the database has now is lost: make a backup of it, if it may be needed. For PostgreSQL, use pg_restore.
    """
    with _said():
        found: Any = _database(url)
        if not isinstance(found, SqliteDatabase):
            raise click.ClickException(HOW_TO_RESTORE_POSTGRES)
        version = backups.restore(Path(file), found, _entry("restoreDatabase", after={"file": Path(file).name}))
    click.echo(f"restored {file} to {found.path}")
    if version != schema.VERSION:
        click.echo(f"its schema is {version}: run `fotapool database migrate` before you start a server")


@database.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@_settings
def delete_secrets(url: str, yes: bool) -> None:
    """Delete the encrypted secrets, if the key that they were encrypted with is lost.

    Listeners lose their passwords, callbacks are signed no longer, and operators sign in to the console again.
    """
    from fotapool.store.identity.server_secrets import delete_sealed_secrets

    with _connected(url) as connection:
        if not yes:
            click.confirm("Delete all passwords of listeners and all signing secrets?", abort=True)
        connection.begin()
        delete_sealed_secrets(connection)
        if schema.read_version(connection) == schema.VERSION:
            record_entry(connection, _entry("deleteSecrets", before={"listenerPasswords": MASKED, "signing": MASKED}))
        connection.commit()
    click.echo("encrypted secrets deleted; the next server to start sets a new key")
