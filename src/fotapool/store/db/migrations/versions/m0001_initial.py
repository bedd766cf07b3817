"""The first schema.

While this is the only migration, it creates the tables of `store/db/tables/`. The change that adds a second migration
must first copy these tables here, so that this migration no longer changes.
"""

from __future__ import annotations

from alembic import op

from fotapool.store.db import postgres, schema, sqlite

revision = "0001"
down_revision = None


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in schema.statements(sqlite.SYNTAX if on_sqlite else postgres.SYNTAX):
        op.execute(statement)
