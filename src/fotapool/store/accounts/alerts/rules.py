"""Alert rules, and the queues of their targets: each target is a listener of the server, with deliveries of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from fotapool.domain.accounts.alerts.kinds import KIND_OF_WORD, AlertKind
from fotapool.domain.accounts.alerts.rules import style_of
from fotapool.domain.callbacks import OF_ALERTS, AlertMessage, encode
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.store.callbacks.deliveries import record_waiting
from fotapool.store.callbacks.listeners import Listener, delete_listener, read_listener, record_listener
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, converting, fetch_all, fetch_int, fetch_one


class AlertRule(NamedTuple):
    """A row. Times in ms; `account_id` is ALL_ACCOUNTS for a rule about all accounts."""

    id: int
    name: str
    kind: AlertKind
    account_id: int
    threshold: int
    minimum: int
    targets: tuple[str, ...]
    enabled: bool
    silenced_until_ms: int | None
    created_ms: int
    updated_ms: int

    def is_silenced(self, now_ms: int) -> bool:
        return self.silenced_until_ms is not None and now_ms < self.silenced_until_ms


_COLUMNS = columns(AlertRule)
_rule_of = converting(
    AlertRule, kind=KIND_OF_WORD.__getitem__, targets=lambda text: tuple(json.loads(text)), enabled=bool
)


def read_rules(connection: Connection, after: str = "", limit: int = -1) -> list[AlertRule]:
    """Rules by name, after the given one; all unless there is a limit."""
    limited = "LIMIT :limit" if limit >= 0 else ""
    given = {"limit": limit} if limit >= 0 else {}
    sql = f"SELECT {_COLUMNS} FROM alert_rule WHERE name > :after ORDER BY name {limited}"
    return fetch_all(connection, _rule_of, sql, after=after, **given)


def read_rule(connection: Connection, name: str) -> AlertRule | None:
    return fetch_one(connection, _rule_of, f"SELECT {_COLUMNS} FROM alert_rule WHERE name = :name", name=name)


def count_rules(connection: Connection) -> int:
    return fetch_int(connection, "SELECT count(*) FROM alert_rule") or 0


def record_rule(connection: Connection, rule: AlertRule) -> None:
    """Inserts the rule, or replaces the one of its name, and opens and closes the queues of targets."""
    before = read_rule(connection, rule.name)
    values = {**rule._asdict(), "kind": rule.kind.word, "targets": json.dumps(rule.targets)}
    values["enabled"] = int(rule.enabled)
    del values["id"]
    names = list(values)
    replaced = ", ".join(f"{name} = excluded.{name}" for name in names if name not in ("name", "created_ms"))
    connection.execute(
        f"INSERT INTO alert_rule ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        f" ON CONFLICT (name) DO UPDATE SET {replaced}",
        values,
    )
    for target in rule.targets:
        if read_listener(connection, ALL_ACCOUNTS, style_of(target)) is None:
            listener = Listener(
                account_id=ALL_ACCOUNTS,
                style=style_of(target),
                url=target,
                username=None,
                password=None,
                created_ms=rule.updated_ms,
            )
            record_listener(connection, listener)
    if before is not None:
        _close_unused(connection, before.targets, rule.updated_ms)


def delete_rule(connection: Connection, rule: AlertRule, now_ms: int) -> None:
    """Deletes the rule, ends its alerts, and closes the queues that no other rule uses."""
    connection.execute("DELETE FROM alert_rule WHERE id = :id", {"id": rule.id})
    ended = "UPDATE alert SET ended_ms = :now WHERE rule_id = :id AND ended_ms IS NULL"
    connection.execute(ended, {"id": rule.id, "now": now_ms})
    _close_unused(connection, rule.targets, now_ms)


def _close_unused(connection: Connection, targets: Iterable[str], now_ms: int) -> None:
    used = {target for rule in read_rules(connection) for target in rule.targets}
    for target in set(targets) - used:
        delete_listener(connection, ALL_ACCOUNTS, style_of(target), now_ms)


def lock_alerts(connection: Connection) -> None:
    """Locks alerts and the queues of their targets for the rest of the transaction, as the lock of a pool does."""
    connection.execute(
        "INSERT INTO alert_pass (number, began_ms) VALUES (1, 0)"
        " ON CONFLICT (number) DO UPDATE SET number = excluded.number"
    )


def record_message(connection: Connection, targets: Iterable[str], message: AlertMessage, now_ms: int) -> None:
    """Puts the message into the queue of each target. The transaction must hold the lock of alerts."""
    for target in targets:
        listener = read_listener(connection, ALL_ACCOUNTS, style_of(target))
        if listener is not None:
            record_waiting(connection, listener, [encode(message)], now_ms)


def is_of_alerts(style: str) -> bool:
    """Whether a listener's style is that of a target of alerts."""
    return style.startswith(OF_ALERTS)
