"""Alerts: those that are open, the pass over all accounts that begins and ends them, and lists for operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fotapool.domain.accounts.alerts.kinds import Observation
from fotapool.store.accounts.alerts.rules import AlertRule
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, exists, fetch_all, fetch_int, fetch_one


class Alert(NamedTuple):
    """A row. Times in ms. `notified`: whether the message that it began was sent, or there was none to send."""

    id: int
    rule_id: int
    rule_name: str
    kind: str
    account_id: int
    account_name: str
    topic: str
    value: int | None
    text: str
    began_ms: int
    ended_ms: int | None
    notified: int
    acknowledged_ms: int | None
    acknowledged_by: str
    note: str

    @property
    def key(self) -> tuple[int, int, str]:
        """Unique among the open ones."""
        return self.rule_id, self.account_id, self.topic


class Pass(NamedTuple):
    """When (ms) the latest pass over all accounts began, and after which account it continues; None at its end."""

    began_ms: int
    after_account: int | None


class AlertFilter(NamedTuple):
    """The wanted alerts; None and an empty text match all."""

    is_open: bool | None = None
    account_id: int | None = None
    kind: str = ""
    rule: str = ""


_COLUMNS = columns(Alert)
_BEGUN = (
    "rule_id, rule_name, kind, account_id, account_name, topic, value, text, began_ms, notified, acknowledged_by, note"
)


def read_pass(connection: Connection) -> Pass:
    sql = f"SELECT {columns(Pass)} FROM alert_pass WHERE number = 1"
    return fetch_one(connection, Pass, sql) or Pass(0, None)


def record_pass(connection: Connection, found: Pass) -> None:
    sql = "UPDATE alert_pass SET began_ms = :began_ms, after_account = :after_account WHERE number = 1"
    connection.execute(sql, found._asdict())


def has_work(connection: Connection) -> bool:
    """Whether a pass is of use: a rule is enabled, or an alert is open."""
    rules = "SELECT 1 FROM alert_rule WHERE enabled = 1 LIMIT 1"
    return exists(connection, rules) or exists(connection, "SELECT 1 FROM alert WHERE ended_ms IS NULL LIMIT 1")


def read_open_alerts(connection: Connection, after: int, last: int) -> list[Alert]:
    """The open alerts of accounts with ids above `after` up to `last`."""
    sql = f"""SELECT {_COLUMNS} FROM alert WHERE ended_ms IS NULL AND account_id > :after AND account_id <= :last
        ORDER BY account_id, id"""
    return fetch_all(connection, Alert, sql, after=after, last=last)


def count_open(connection: Connection, rule_id: int) -> int:
    return fetch_int(connection, "SELECT count(*) FROM alert WHERE rule_id = :id AND ended_ms IS NULL", id=rule_id) or 0


def record_begun(connection: Connection, begun: Iterable[tuple[AlertRule, Observation]], now_ms: int) -> None:
    """Inserts alerts that begin; none of them is notified yet."""
    rows: list[Row] = [
        (
            rule.id,
            rule.name,
            rule.kind.word,
            seen.account_id,
            seen.account_name,
            seen.topic,
            seen.value,
            seen.text,
            now_ms,
            0,
            "",
            "",
        )
        for rule, seen in begun
    ]
    connection.insert("alert", _BEGUN, rows)


def record_ended(connection: Connection, alerts: Sequence[Alert], now_ms: int) -> None:
    connection.update_rows("alert", "id", "ended_ms", [(alert.id, now_ms) for alert in alerts])


def record_notified(connection: Connection, alerts: Sequence[Alert]) -> None:
    connection.update_rows("alert", "id", "notified", [(alert.id, 1) for alert in alerts])


def read_alert(connection: Connection, alert_id: int) -> Alert | None:
    return fetch_one(connection, Alert, f"SELECT {_COLUMNS} FROM alert WHERE id = :id", id=alert_id)


def record_acknowledged(connection: Connection, alert_id: int, operator: str, note: str, now_ms: int) -> None:
    connection.execute(
        "UPDATE alert SET acknowledged_ms = :now, acknowledged_by = :operator, note = :note WHERE id = :id",
        {"id": alert_id, "operator": operator, "note": note, "now": now_ms},
    )


def read_latest_alerts(
    connection: Connection, wanted: AlertFilter, before: int, looked: int, limit: int
) -> tuple[list[Alert], int | None]:
    """Matching alerts among the next `looked` ones below id `before`, newest first, and the next `before`.

    The next `before` is None at the end.
    """
    walked, params = ["id < :before"], {"before": before}
    if wanted.account_id is not None:
        walked.append("account_id = :account_id")
        params["account_id"] = wanted.account_id
    if wanted.is_open:
        walked.append("ended_ms IS NULL")
    walk = f"FROM alert WHERE {' AND '.join(walked)} ORDER BY id DESC"
    checked: list[str] = ["1 = 1"]
    texts: dict[str, object] = {}
    if wanted.is_open is False:
        checked.append("ended_ms IS NOT NULL")
    for column, text in (("kind", wanted.kind), ("rule_name", wanted.rule)):
        if text:
            checked.append(f"{column} = :{column}")
            texts[column] = text
    found = fetch_all(
        connection,
        Alert,
        f"SELECT {_COLUMNS} FROM (SELECT {_COLUMNS} {walk} LIMIT :looked) a WHERE {' AND '.join(checked)}"
        " ORDER BY id DESC LIMIT :limit",
        **params,
        **texts,
        looked=looked,
        limit=limit + 1,
    )
    if len(found) > limit:
        return found[:limit], found[limit - 1].id
    return found, fetch_int(connection, f"SELECT id {walk} LIMIT 1 OFFSET :skipped", **params, skipped=looked - 1)


def delete_ended_alerts(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` alerts that ended before the timestamp; returns how many."""
    ended = "SELECT id FROM alert WHERE ended_ms IS NOT NULL AND ended_ms < :before ORDER BY ended_ms LIMIT :limit"
    return len(
        connection.fetch(f"DELETE FROM alert WHERE id IN ({ended}) RETURNING id", {"before": before_ms, "limit": limit})
    )
