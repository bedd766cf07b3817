"""A statement that was prepared while the tables were small must not read whole tables once they have grown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fotapool.domain.licenses.licenses import Pool
from fotapool.store.campaigns.upgrades import read_campaign_upgrades, read_device_facts, read_open_upgrades
from fotapool.store.db.connection import Connection
from fotapool.store.devices.check_ins import read_checking_in, record_seen
from fotapool.store.identity.device_keys import read_held_keys
from fotapool.store.licenses.licenses import read_license_facts

FEW, MANY = 5, 60_000
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
WHOLE = ("Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan")


def grow(connection: Connection, first: int, end: int) -> None:
    values = f"SELECT 1, n, 1, n, 0 FROM generate_series({first}, {end - 1}) n"
    connection.execute(f"INSERT INTO license (account_id, imei, assigned_ms, place, state) {values}")
    values = f"SELECT 1, n, '', '', '', '', '', 'Active', 1, 1 FROM generate_series({first}, {end - 1}) n"
    connection.execute(f"INSERT INTO device {values}")
    values = f"SELECT 1, n, 1, 1, 0, 0, 1, 1 FROM generate_series({first}, {end - 1}) n"
    columns = "account_id, imei, campaign_id, status, reason, attempts, scheduled_ms, updated_ms"
    connection.execute(f"INSERT INTO upgrade ({columns}) {values}")


def use(connection: Connection) -> None:
    """What a batch of requests does with its keys."""
    keys = [(1, number) for number in range(3)]
    read_license_facts(
        connection,
        {
            1: Pool(
                account_id=1,
                total=9,
                used=3,
                notice=0,
                entries=0,
                changes=0,
                candidates=0,
                candidates_updated_ms=0,
                subscription_updated_ms=0,
            )
        },
        keys,
    )
    connection.update_keys("license", "state = state + :flag", keys, {"flag": 0})
    upgrades = read_open_upgrades(connection, keys)
    connection.update_rows("upgrade", "id", "status", [(upgrade.id, 1) for upgrade in upgrades])
    read_device_facts(connection, 1, [0, 1, 2])
    read_campaign_upgrades(connection, 1, [0, 1, 2])
    read_held_keys(connection, [b"0", b"1", b"2"])
    read_checking_in(connection, keys)
    record_seen(connection, keys, {"": keys}, 1)
    connection.delete_keys("candidate", keys)
    connection.delete_keys("license", [(9, number) for number in range(3)])


def prepared_plans(connection: Connection) -> Iterator[tuple[str, list[str]]]:
    """The statements that this connection keeps, each with the relations' nodes of the plan it would use now."""
    kept = connection.fetch("SELECT name, statement, parameter_types::text[] FROM pg_prepared_statements")
    for name, statement, types in kept:
        if "unnest" not in statement:
            continue
        arguments = ", ".join("'{1,1,1}'" if "[]" in kind or kind == "text" else "1" for kind in types)
        plan = connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE {name}({arguments})")[0][0]
        document = json.loads(plan) if isinstance(plan, str) else plan
        yield statement, list(nodes(document[0]["Plan"]))


def nodes(plan: dict[str, Any]) -> Iterator[str]:
    if "Function Name" not in plan:
        yield plan["Node Type"]
    for part in plan.get("Plans", []):
        yield from nodes(part)


def test_plans_stay_with_the_indexes_when_tables_grow_from_small(connect: Callable[[], Connection]) -> None:
    writer, other = connect(), connect()
    grow(other, 0, FEW)
    other.execute("ANALYZE")
    for _ in range(20):  # more than it takes the driver to prepare, and the server to keep a generic plan
        use(writer)
    grow(other, FEW, MANY)
    seen = 0
    for statement, used in prepared_plans(writer):
        seen += 1
        assert not [node for node in used if node in WHOLE], (re.sub(r"\s+", " ", statement), used)
        assert any(node.startswith("Index") for node in used)
    assert seen == 12
    other.execute("ANALYZE")
    for statement, used in prepared_plans(writer):
        assert not [node for node in used if node in WHOLE], (re.sub(r"\s+", " ", statement), used)
