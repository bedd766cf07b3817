"""Accounts that are closed: what they hold, and the listeners that have nothing to receive any more."""

from __future__ import annotations

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.names import AccountStatus
from fotapool.store.callbacks.listeners import IS_WAITING
from fotapool.store.campaigns.upgrades import IS_OPEN, OPERATOR_CAMPAIGN
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import fetch_int, fetch_value, fetch_values

_CLOSED = f"a.status = '{AccountStatus.CLOSED.value}'"


def count_upgrades_in_progress(connection: Connection, account_id: int) -> int:
    sql = f"""SELECT count(*) FROM upgrade WHERE account_id = :id AND {IS_OPEN}
        AND status = {UpgradeStatus.IN_PROGRESS:d}"""
    return int(fetch_value(connection, sql, id=account_id))


def read_devices_scheduled_by_operators(connection: Connection, account_id: int) -> list[int]:
    """The devices whose upgrade an operator has scheduled, outside of campaigns."""
    sql = f"""SELECT imei FROM upgrade WHERE account_id = :id AND {IS_OPEN}
        AND status = {UpgradeStatus.SCHEDULED:d} AND campaign_id = {OPERATOR_CAMPAIGN} ORDER BY imei"""
    return fetch_values(connection, sql, id=account_id)


def read_open_jobs(connection: Connection, account_id: int) -> list[str]:
    """The ids of the account's bulk jobs that have not ended."""
    sql = "SELECT uuid FROM bulk_job WHERE account_id = :id AND ended_ms IS NULL ORDER BY uuid"
    return fetch_values(connection, sql, id=account_id)


def read_closed_with_idle_listeners(connection: Connection) -> int | None:
    """A closed account with listeners to which nothing is due: no delivery waits, no campaign or upgrade is open."""
    sql = f"""SELECT a.id FROM account a WHERE {_CLOSED}
        AND (EXISTS (SELECT 1 FROM listener l WHERE l.account_id = a.id)
            OR EXISTS (SELECT 1 FROM signing_secret s WHERE s.account_id = a.id))
        AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.account_id = a.id AND d.{IS_WAITING})
        AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.account_id = a.id AND c.due_ms IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM upgrade u WHERE u.account_id = a.id AND u.{IS_OPEN})
        ORDER BY a.id LIMIT 1"""
    return fetch_int(connection, sql)


def delete_listeners(connection: Connection, account_id: int) -> None:
    """Deletes the account's listeners with their passwords, and its signing secret."""
    for table in ("listener", "signing_secret"):
        connection.execute(f"DELETE FROM {table} WHERE account_id = :id", {"id": account_id})
