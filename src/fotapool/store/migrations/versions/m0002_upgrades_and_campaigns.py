"""Upgrades and campaigns: packages, files, campaigns, callbacks, the devices' side, and what statements are made of."""

from __future__ import annotations

from alembic import op

from fotapool.store import postgres, schema, sqlite

revision = "0002"
down_revision = "0001"

_COPIES = {
    "device": (
        "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms",
        "account_id, imei, make, model, firmware, protocol, mdn, 'Active', created_ms, updated_ms",
    ),
    "upgrade": (
        "id, account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, started_ms, ended_ms, updated_ms",
        "id, account_id, imei, 0, status, 0, 0, scheduled_ms, started_ms, ended_ms,"
        " coalesce(ended_ms, started_ms, scheduled_ms)",
    ),
}
"""The tables whose columns changed: the new columns, and what they are filled with from the old rows."""
_OLD_INDEXES = ("device_has_one_account", "upgrade_open_once", "upgrade_by_device")


def upgrade() -> None:
    # While 0002 is the newest version the schema of the program is this migration's; the next migration freezes
    # the text here first.
    on_sqlite = op.get_context().dialect.name == "sqlite"
    existing = {"account", "license_pool", "license", "candidate", "pool_change", "ledger_entry", "api_client"}
    existing |= {"bearer_token", "api_user", "user_account", "user_session", "sign_in_endings", "operator_key"}
    for index in _OLD_INDEXES:
        op.execute(f"DROP INDEX {index}")
    for table in _COPIES:
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_0001")
        if not on_sqlite:
            op.execute(f"ALTER INDEX {table}_pkey RENAME TO {table}_0001_pkey")
    for statement in schema.statements(sqlite.WORDS if on_sqlite else postgres.WORDS):
        if _table_of(statement) not in existing:
            op.execute(statement)
    for table, (columns, values) in _COPIES.items():
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}_0001")
        op.execute(f"DROP TABLE {table}_0001")
    if not on_sqlite:
        op.execute("SELECT setval(pg_get_serial_sequence('upgrade', 'id'), coalesce(max(id), 0) + 1) FROM upgrade")
    op.execute(
        "INSERT INTO subscription_period (account_id, from_ms, total, purchase_type)"
        " SELECT a.id, p.subscription_updated_ms, p.total, a.purchase_type"
        " FROM account a JOIN license_pool p ON p.account_id = a.id ORDER BY a.id"
    )
    op.execute(
        "INSERT INTO notice_period (account_id, imei, given_ms, until_ms)"
        " SELECT l.account_id, l.imei, c.at_ms, l.notice_until_ms FROM license l"
        " JOIN ledger_entry e ON e.account_id = l.account_id AND e.number = l.notice_place"
        " JOIN pool_change c ON c.account_id = e.account_id AND c.number = e.change_number"
        " WHERE l.notice_until_ms IS NOT NULL"
    )


def _table_of(statement: str) -> str:
    """The table that a CREATE TABLE makes, a CREATE INDEX indexes or an INSERT fills."""
    words = statement.replace("(", " ").split()
    return words[words.index("ON") + 1] if "INDEX" in words[:3] else words[2]
