"""Copies of accounts, made within the database."""

from __future__ import annotations

import json

from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.accounts.pool_levels import hour_end
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import exists, fetch_values
from fotapool.store.licenses.licenses import Cause

# A copy is in a namespace of its own, with its id: its devices may have the IMEIs of other accounts.
_ACCOUNT = (
    "INSERT INTO account (name, purchase_type, status, created_ms, namespace, display_name, notes)"
    " SELECT :name, purchase_type, status, CAST(:now AS BIGINT), 0, display_name, notes FROM account"
    " WHERE id = :source RETURNING id"
)
_LICENSES = (
    "SELECT imei, assigned_ms, place, state, notice_until_ms, notice_place,"
    " row_number() OVER (ORDER BY place) AS number, CASE WHEN notice_until_ms IS NULL THEN NULL ELSE row_number() OVER"
    " (ORDER BY CASE WHEN notice_until_ms IS NULL THEN 1 ELSE 0 END, notice_place) END AS notice_number"
    " FROM license WHERE account_id = :source"
)
"""The licenses numbered from 1 by assignment, and those under notice also by notice."""
_ENTRY = "INSERT INTO ledger_entry (account_id, number, change_number, imei, kind, used_after)"
_STATEMENTS = (
    "UPDATE account SET namespace = id WHERE id = :id",
    # Each license is an entry, in order; a license under notice has a second entry, as in the source's ledger.
    "INSERT INTO license_pool (account_id, total, used, notice, entries, changes, candidates, candidates_updated_ms,"
    " subscription_updated_ms) SELECT :id, total, used, notice, used + notice, 1, candidates, candidates_updated_ms,"
    " :now FROM license_pool WHERE account_id = :source",
    "INSERT INTO subscription_period (account_id, from_ms, total, purchase_type)"
    " SELECT :id, :now, p.total, a.purchase_type FROM account a JOIN license_pool p ON p.account_id = a.id"
    " WHERE a.id = :source",
    "INSERT INTO pool_level (account_id, at_ms, used, notice, entries) SELECT :id, :hour_end, used, notice,"
    " used + notice FROM license_pool WHERE account_id = :source",
    "INSERT INTO device (account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms,"
    " upgraded_ms, refreshed_ms, seen_ms, namespace) SELECT :id, imei, make, model, firmware, protocol, mdn, status,"
    " created_ms, updated_ms, upgraded_ms, refreshed_ms, seen_ms, :id FROM device WHERE account_id = :source",
    "INSERT INTO license (account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place)"
    " SELECT :id, l.imei, l.assigned_ms, l.number, l.state, l.notice_until_ms,"
    f" :used + l.notice_number FROM ({_LICENSES}) l",
    f"{_ENTRY} SELECT :id, l.number, 1, l.imei, :imported, l.number FROM ({_LICENSES}) l",
    f"{_ENTRY} SELECT :id, :used + l.notice_number, 1, l.imei, e.kind, :used FROM ({_LICENSES}) l"
    " JOIN ledger_entry e ON e.account_id = :source AND e.number = l.notice_place WHERE l.notice_until_ms IS NOT NULL",
    "INSERT INTO notice_period (account_id, imei, given_ms, until_ms, ended_ms) SELECT :id, imei, given_ms, until_ms,"
    " ended_ms FROM notice_period WHERE account_id = :source AND ended_ms IS NULL",
    "INSERT INTO candidate (account_id, place, imei) SELECT :id, place, imei FROM candidate WHERE account_id = :source",
    "INSERT INTO fleet (account_id, first_imei, last_imei, behavior) SELECT :id, first_imei, last_imei, behavior"
    " FROM fleet WHERE account_id = :source",
    "INSERT INTO departed_device (account_id, imei, added_ms, left_ms, moved_to)"
    " SELECT :id, imei, added_ms, left_ms, moved_to FROM departed_device WHERE account_id = :source",
    "INSERT INTO campaign_stop_rule (account_id, percent, devices) SELECT :id, percent, devices"
    " FROM campaign_stop_rule WHERE account_id = :source",
    "INSERT INTO pool_change (account_id, number, at_ms, actor, request_id, verb, detail)"
    " VALUES (:id, 1, :now, :actor, :request, :verb, :detail)",
)
_USERS = (
    "INSERT INTO user_account (username, account_id) SELECT username, :id FROM user_account WHERE account_id = :source"
)


def record_copy(connection: Connection, source: int, used: int, name: str, cause: Cause, now_ms: int) -> int:
    """Copies the account, whose pool is locked and has `used` licenses. Returns the new account's id."""
    account_id: int = connection.fetch(_ACCOUNT, {"name": name, "now": now_ms, "source": source})[0][0]
    params = {
        "id": account_id,
        "source": source,
        "used": used,
        "now": now_ms,
        "hour_end": hour_end(now_ms),
        "imported": int(EntryKind.IMPORTED),
        "actor": cause.actor,
        "request": cause.request_id,
        "verb": cause.verb,
        "detail": json.dumps(cause.detail),
    }
    for statement in _STATEMENTS:
        connection.execute(statement, params)
    return account_id


def record_access_copied(connection: Connection, source: int, account_id: int) -> None:
    """Gives the users of the source account access to the other account."""
    connection.execute(_USERS, {"source": source, "id": account_id})


def has_more_devices(connection: Connection, account_id: int, limit: int) -> bool:
    """Whether the account has more devices than the limit."""
    sql = "SELECT 1 FROM device WHERE account_id = :account_id ORDER BY imei LIMIT 1 OFFSET :limit"
    return exists(connection, sql, account_id=account_id, limit=limit)


def read_users_with_most(connection: Connection, account_id: int, limit: int) -> list[str]:
    """A user of the account that has access to at least `limit` accounts; empty if there is none."""
    sql = """SELECT u.username FROM user_account u WHERE u.account_id = :account_id AND
        (SELECT count(*) FROM user_account o WHERE o.username = u.username) >= :limit LIMIT 1"""
    return fetch_values(connection, sql, account_id=account_id, limit=limit)
