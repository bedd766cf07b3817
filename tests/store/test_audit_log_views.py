"""Reading the audit log: each filter alone and together gives what a full scan gives, along an index."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest

from fotapool.store.audit_log import (
    AuditEntry,
    AuditFilter,
    delete_old_audit_entries,
    read_latest_audit_entries,
    record_entry,
)
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns

COUNT = 3000
OPERATORS = ("alice", "bob")
ACTIONS = ("createUser", "deleteUser", "setStatus")
VALUES: dict[str, tuple[Any, ...]] = {
    "operator": ("", "alice", "nobody"),
    "action": ("", "setStatus"),
    "account": ("", "a3"),
    "target": ("", "t7"),
    "refused": (None, True, False),
    "since_ms": (None, 1_500),
    "until_ms": (None, 2_500),
}


def fill(connection: Connection) -> list[tuple[int, AuditEntry]]:
    """Entries with repeated and, after a test clock went back, decreasing times."""
    chance = random.Random(12)
    connection.begin()
    filled = []
    for number in range(COUNT):
        refused = chance.random() < 0.1
        entry = AuditEntry(
            at_ms=(number * 7 // 5) % 2_900,
            operator=chance.choice(OPERATORS),
            role="admin",
            via="console",
            address="::1",
            request_id=f"r{number // 2}",
            action=chance.choice(ACTIONS),
            account=chance.choice(("", f"a{number % 5}")),
            target_kind="user",
            target=f"t{number % 9}",
            before_json=None,
            after_json="{}",
            status=409 if refused else None,
            reason="",
            refused_minute=number + 10**6 if refused else None,
            attempts=1,
            last_ms=0,
        )
        filled.append((record_entry(connection, entry), entry))
    connection.commit()
    return filled


def matches(entry: AuditEntry, wanted: AuditFilter) -> bool:
    texts = all(
        not getattr(wanted, name) or getattr(wanted, name) == getattr(entry, name)
        for name in ("operator", "action", "account", "target", "request_id")
    )
    refused = wanted.refused is None or wanted.refused == (entry.status is not None)
    since, until = wanted.since_ms or 0, wanted.until_ms or 10**9
    return texts and refused and since <= entry.at_ms < until


def all_pages(connection: Connection, wanted: AuditFilter, looked: int, limit: int) -> list[int]:
    ids: list[int] = []
    before: int | None = None
    while True:
        rows, before = read_latest_audit_entries(connection, wanted, before, looked, limit)
        assert len(rows) <= limit
        ids += [row.id for row in rows]
        if before is None:
            return ids


def test_every_combination_of_filters_gives_the_entries_that_match_newest_first(connection: Connection) -> None:
    filled = fill(connection)
    for values in itertools.product(*VALUES.values()):
        wanted = AuditFilter(**dict(zip(VALUES, values, strict=True)))
        expected = [
            entry_id
            for entry_id, entry in sorted(filled, key=lambda one: (-one[1].at_ms, -one[0]))
            if matches(entry, wanted)
        ]
        assert all_pages(connection, wanted, looked=700, limit=400) == expected, wanted
    assert len(all_pages(connection, AuditFilter(request_id="r5"), looked=5, limit=1)) == 2


def test_a_page_after_a_deleted_entry_is_the_end(connection: Connection) -> None:
    filled = fill(connection)
    oldest = min(filled, key=lambda one: (one[1].at_ms, one[0]))[0]
    connection.begin()
    assert delete_old_audit_entries(connection, 1, 10) == 2
    connection.commit()
    assert read_latest_audit_entries(connection, AuditFilter(), oldest, 10, 10) == ([], None)


INDEXES = {
    "audit_log_by_time": ({}, {"since_ms": 5, "until_ms": 9}, {"refused": False}),
    "audit_log_by_operator": ({"operator": "alice"}, {"operator": "alice", "refused": False}),
    "audit_log_by_action": ({"action": "createUser", "until_ms": 9}, {"operator": "alice", "action": "createUser"}),
    "audit_log_by_account": ({"account": "a1"}, {"account": "a1", "operator": "alice", "action": "createUser"}),
    "audit_log_by_target": ({"target": "t1"}, {"target": "t1", "account": "a1", "refused": True}),
    "audit_log_by_request": ({"request_id": "r1"}, {"request_id": "r1", "operator": "alice"}),
    "audit_log_refused": ({"refused": True}, {"refused": True, "operator": "alice"}, {"refused": True, "since_ms": 5}),
}


@pytest.mark.parametrize(("index", "filters"), INDEXES.items(), ids=INDEXES)
def test_each_filter_walks_its_index_without_sorting_the_table(
    connection: Connection, index: str, filters: tuple[dict[str, Any], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sqlite" in type(connection).__module__:
        explain = "EXPLAIN QUERY PLAN "
    else:
        explain = "EXPLAIN "
        connection.begin()
        connection.execute(
            f"INSERT INTO audit_log ({columns(AuditEntry)}) SELECT n, 'o' || n % 50, '', 'console', '', 'r' || n,"
            " 'a' || n % 70, 'c' || n % 1000, '', 't' || n % 5000, NULL, NULL, CASE WHEN n % 90 = 0 THEN 1 END, '',"
            " CASE WHEN n % 90 = 0 THEN n END, 1, n FROM generate_series(1, 50000) n"
        )
        connection.commit()
        connection.execute("ANALYZE audit_log")
    seen: list[tuple[str, Any]] = []
    given = connection.fetch
    monkeypatch.setattr(
        connection, "fetch", lambda sql, params=None: seen.append((sql, params)) or given(sql, params or {})
    )
    for values in filters:
        seen.clear()
        read_latest_audit_entries(connection, AuditFilter(**values), None, 500, 50)
        for sql, params in seen:
            if " ORDER BY " not in sql:
                continue
            plan = "\n".join(str(row[-1]) for row in given(explain + sql, params))
            assert re.search(rf"\b{index}\b", plan), (values, plan)
            assert "Seq Scan" not in plan
            assert "SCAN audit_log\n" not in f"{plan}\n", plan
