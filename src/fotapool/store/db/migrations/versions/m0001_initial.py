"""The first schema.

Nothing was released before it. While it is the newest migration, it creates the tables of `store/db/tables.py`; whoever
adds the next one copies them here first, so that this migration never changes again.
"""

from __future__ import annotations

from alembic import op

from fotapool.store.db import postgres, schema, sqlite

revision = "0001"
down_revision = None


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in schema.statements(sqlite.WORDS if on_sqlite else postgres.WORDS):
        op.execute(statement)
