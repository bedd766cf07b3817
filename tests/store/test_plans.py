"""A statement that was prepared while the tables were small must not read whole tables once they have grown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.licenses.licenses import Pool
from fotapool.store.accounts import search
from fotapool.store.campaigns.all_campaigns import read_all_campaigns
from fotapool.store.campaigns.upgrades import read_campaign_upgrades, read_device_facts, read_open_upgrades
from fotapool.store.db.connection import Connection, Database
from fotapool.store.devices.check_ins import read_checking_in, record_seen
from fotapool.store.identity.device_keys import read_held_keys
from fotapool.store.licenses.licenses import read_license_facts

FEW, MANY = 5, 60_000
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
    read_held_keys(connection, [b"0", b"1", b"2"], 0)
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
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


def fill(connection: Connection) -> None:
    """Rows of everything that is searched, and statistics of them."""
    numbers = (
        f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY // 20}) SELECT i FROM n) n"
    )
    imei, text = "350000000000000 + i", "'x' || i"
    for table, columns, values in (
        ("account", "name, purchase_type, status, created_ms", f"{text}, '', 'active', 1"),
        ("api_user", "username, password_hash, failed_logins, created_ms", f"{text}, '', 0, 1"),
        (
            "device",
            "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms",
            f"i, {imei}, '', '', '', '', CAST(5550000000 + i AS TEXT), '', 1, 1",
        ),
        (
            "campaign",
            "uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms, windows, auto_assign,"
            " auto_add, status, devices, created_ms, updated_ms, leased_until_ms",
            f"{text}, i, 1, i % 500, {text}, '', '', 1, 2, '', 0, 0, 1, 0, 1, 1, 1",
        ),
        (
            "package",
            "name, make, model, from_version, to_version, protocol, platform, release_note, launched_ms, pilot_passed,"
            " succeeded, failed",
            f"{text}, '', '', '', '', '', '', '', 1, 0, 0, 0",
        ),
        ("pool_change", "account_id, number, at_ms, actor, request_id, verb, detail", f"i, 1, 1, '', {text}, '', ''"),
        (
            "audit_log",
            "at_ms, operator, role, via, address, request_id, action, account, target_kind, target, reason, attempts,"
            " last_ms",
            f"1, '', '', 'console', '', {text}, '', '', '', '', '', 1, 1",
        ),
    ):
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {numbers}")
    connection.execute("ANALYZE")


LookUp = Callable[[Connection], object]
NAMES = (
    "account_name_key sqlite_autoindex_account_1",
    "api_user_pkey PRIMARY",
    "campaign_uuid_key sqlite_autoindex_campaign_1",
    "package_name_key sqlite_autoindex_package_1",
)
LOOK_UPS: dict[str, tuple[str, LookUp]] = {
    "IMEI": (
        "device_has_one_account",
        lambda c: search.read_devices_between(c, 350_000_000_000_001, 350_000_000_000_001, 21),
    ),
    "beginning of an IMEI": (
        "device_has_one_account",
        lambda c: search.read_devices_between(c, 35 * 10**13, 36 * 10**13, 21),
    ),
    "MDN": ("device_by_mdn_alone", lambda c: search.read_devices_with_mdn(c, ["5550000001"], 21)),
    "beginning of an MDN": ("device_by_mdn_alone", lambda c: search.read_devices_from_mdn(c, "555", 21)),
    "account": (NAMES[0], lambda c: search.read_accounts_from(c, "x", 100)),
    "user": (NAMES[1], lambda c: search.read_users_from(c, "x", 100)),
    "campaign by id": (NAMES[2], lambda c: search.read_campaigns_from_id(c, "x1", 100)),
    "campaign by name": ("campaign_by_name", lambda c: search.read_campaigns_from_name(c, "x1", 100)),
    "package": (NAMES[3], lambda c: search.read_packages_from(c, "x", 100)),
    "campaigns of a package": (
        "campaign_by_package",
        lambda c: read_all_campaigns(c, [CampaignStatus(1)], after=0, limit=51, package_id=7),
    ),
    "request in ledgers": ("pool_change_by_request", lambda c: search.read_changes_of(c, "x1", 100)),
    "request in the audit log": ("audit_log_by_request", lambda c: search.read_entries_of(c, "x1", 21)),
}
"""The index by which each look-up over all accounts finds its rows, and the look-up."""


class Explaining:
    """A connection that explains what it is asked to fetch."""

    def __init__(self, connection: Connection, explain: str) -> None:
        self._connection, self._explain = connection, explain
        self.lines: list[str] = []

    def fetch(self, sql: str, params: Any) -> list[Any]:
        self.lines += [str(row[-1]).strip(" ->") for row in self._connection.fetch(f"{self._explain} {sql}", params)]
        return []


def test_each_look_up_over_all_accounts_walks_an_index(database: Database, connect: Callable[[], Connection]) -> None:
    fill(connect())
    reading = database.connect()
    for what, (index, look_up) in LOOK_UPS.items():
        explaining = Explaining(reading, "EXPLAIN QUERY PLAN" if database.kind == "sqlite" else "EXPLAIN")
        look_up(cast(Connection, explaining))
        plan = "\n".join([what, *explaining.lines])
        assert any(name in plan for name in index.split()), plan
        if database.kind == "sqlite":
            assert all(line.startswith(("SEARCH", "CORRELATED")) for line in explaining.lines), plan
        else:
            scans = [line for line in explaining.lines if " Scan" in line]
            assert all(line.startswith("Index") for line in scans), plan
            assert len(scans) == sum(line.startswith("Index Cond") for line in explaining.lines), plan
            assert "Sort" not in plan
    reading.close()
