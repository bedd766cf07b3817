"""Realms, in which IMEIs are unique; what the console shows of each day, its jobs; roles; the server's secrets."""

from __future__ import annotations

from alembic import op

from fotapool.store.db import postgres, schema, sqlite

revision = "0003"
down_revision = "0002"

_NEW_TABLES = {"pool_day", "refusal_day", "bulk_job", "bulk_line", "server_secret"}
_NEW_INDEXES = {
    "device_has_one_account", "device_by_mdn", "bulk_job_of_account", "bulk_job_open", "bulk_job_ended",
}  # fmt: skip


def upgrade() -> None:
    # While 0003 is the newest version the schema of the program is this migration's; the next migration freezes
    # the text here first.
    on_sqlite = op.get_context().dialect.name == "sqlite"
    op.execute("DROP INDEX device_has_one_account")
    for table in ("account", "device"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN realm BIGINT NOT NULL DEFAULT 0")
    op.execute(
        "ALTER TABLE operator_key ADD COLUMN role TEXT NOT NULL DEFAULT 'administer'"
        " CHECK (role IN ('look', 'change', 'administer'))"
    )
    for statement in schema.statements(sqlite.WORDS if on_sqlite else postgres.WORDS):
        if _name_of(statement) in _NEW_TABLES | _NEW_INDEXES:
            op.execute(statement)
    # What the ledger and the notices say was used at the end of each day with entries.
    op.execute(
        "INSERT INTO pool_day (account_id, day, used, notice)"
        " SELECT d.account_id, d.day, e.used_after, (SELECT count(*) FROM notice_period n"
        "  WHERE n.account_id = d.account_id AND n.given_ms < (d.day + 1) * 86400000"
        "  AND (n.ended_ms IS NULL OR n.ended_ms >= (d.day + 1) * 86400000))"
        " FROM (SELECT c.account_id AS account_id, c.at_ms / 86400000 AS day, max(e.number) AS number"
        "  FROM ledger_entry e JOIN pool_change c ON c.account_id = e.account_id AND c.number = e.change_number"
        "  GROUP BY c.account_id, c.at_ms / 86400000) d"
        " JOIN ledger_entry e ON e.account_id = d.account_id AND e.number = d.number"
    )


def _name_of(statement: str) -> str:
    """The name of the table or index that a CREATE makes."""
    words = statement.replace("UNIQUE ", "").split()
    return words[2]
