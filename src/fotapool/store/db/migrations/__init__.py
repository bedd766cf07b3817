"""Migrations with Alembic: upgrades a database of an earlier version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.db.factory import open_database


def _engine(url: str) -> Engine:
    """Raises ValueError for a URL that is not a database's."""
    kind = open_database(url, durable=True).kind
    parsed = make_url(url)
    return create_engine(
        parsed if kind == "sqlite" else parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool
    )


def current_version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate_to_head(url: str) -> tuple[str | None, str | None]:
    """Runs pending migrations. Returns the versions before and after. Raises StoreUnavailable."""
    engine = _engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    try:
        before = current_version(engine)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, current_version(engine)
    except OperationalError as error:
        raise StoreUnavailable(str(error)) from error
