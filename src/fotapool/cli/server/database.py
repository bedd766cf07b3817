"""`fotapool database migrate | verify | backup FILE`."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import click

from fotapool.core.private_files import PRIVATE_UMASK
from fotapool.store.accounts.accounts import read_accounts
from fotapool.store.db.audit import read_audit
from fotapool.store.db.connection import Connection, StoreMismatch, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from fotapool.store.db.sqlite import SqliteConnection, SqliteDatabase

_ACCOUNTS_PER_PAGE = 1000

_url = click.option(
    "--database",
    "url",
    envvar="FOTAPOOL_DATABASE",
    default="sqlite:///fotapool.db",
    metavar="URL",
    show_default=True,
    help="The database, as for `fotapool serve`.",
)


@click.group()
def database() -> None:
    """Migrate a database's schema, verify its invariants, and back it up."""
    os.umask(PRIVATE_UMASK)


@database.command()
@_url
def migrate(url: str) -> None:
    """Migrate the schema to this version. Stop all servers and make a backup first."""
    from fotapool.store.db.migrations import migrate_to_head

    try:
        before, after = migrate_to_head(url)
    except (StoreUnavailable, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"schema {after}, unchanged" if before == after else f"schema {before or 'empty'} -> {after}")


def _connect(url: str) -> Connection:
    empty = click.ClickException(f"{url} is empty; `fotapool serve --database {url}` sets it up")
    try:
        found = open_database(url, durable=True)
        if isinstance(found, SqliteDatabase) and not Path(found.path).exists():
            raise empty
        connection = found.connect()
    except (StoreUnavailable, ValueError) as error:
        raise click.ClickException(str(error)) from error
    try:
        if not connection.has_table("alembic_version"):
            raise empty
        prepare(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, StoreUnavailable | StoreMismatch):
            raise click.ClickException(str(error)) from error
        raise
    return connection


@database.command()
@_url
def verify(url: str) -> None:
    """Recompute every invariant of every account; exit code 1 if one is violated."""
    violations = accounts = 0
    after = ""
    with closing(_connect(url)) as connection:
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
    if violations:
        raise SystemExit(1)


@database.command()
@click.argument("file", type=click.Path(exists=False, dir_okay=False))
@_url
def backup(file: str, url: str) -> None:
    """Back up a SQLite database to FILE; servers can keep running. For PostgreSQL, use pg_dump."""
    with closing(_connect(url)) as connection:
        if not isinstance(connection, SqliteConnection):
            raise click.ClickException("to back up a PostgreSQL database, use pg_dump --format=custom")
        try:
            connection.backup_to(file)
        except StoreUnavailable as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"copied to {file}")


@database.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@_url
def delete_secrets(url: str, yes: bool) -> None:
    """Delete the encrypted secrets, if the key that they were encrypted with is lost.

    Listeners lose their passwords, callbacks are signed no longer, and operators sign in to the console again.
    """
    from fotapool.store.identity.server_secrets import delete_sealed_secrets

    with closing(_connect(url)) as connection:
        if not yes:
            click.confirm("Delete all passwords of listeners and all signing secrets?", abort=True)
        connection.begin()
        delete_sealed_secrets(connection)
        connection.commit()
    click.echo("encrypted secrets deleted; the next server to start sets a new key")
