"""The first schema, as it was at 0.1.0. Never edited: a later version adds a migration of its own."""

from __future__ import annotations

from alembic import op

from fotapool.store import postgres, schema, sqlite

revision = "0001"
down_revision = None


def upgrade() -> None:
    # While 0001 is the newest version the schema of the program is this migration's; the next migration freezes
    # the text here first.
    words = sqlite.WORDS if op.get_context().dialect.name == "sqlite" else postgres.WORDS
    for statement in schema.statements(words):
        op.execute(statement)
