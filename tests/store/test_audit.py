"""Each check of the audit fails when what it says is made untrue by hand, and `verify` names it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from fotapool.cli.main import main
from fotapool.store.db.audit import _CHECKS, CHECK_NAMES, read_audit
from fotapool.store.db.connection import Connection
from fotapool.store.db.schema import VERSION

UPGRADE = "account_id, imei, campaign_id, status, scheduled_ms, charged_ms, reason, attempts, updated_ms"
SET_UP = (
    "INSERT INTO account (id, name, purchase_type, status, created_ms) VALUES (1, 'acme', 'TS-HFOTA-MRC', 'active', 1)",
    "INSERT INTO license_pool (account_id, total, used, notice, entries, changes, candidates, candidates_updated_ms,"
    " subscription_updated_ms) VALUES (1, 3, 3, 1, 4, 2, 1, 1, 1)",
    *(
        "INSERT INTO device (account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms)"
        f" VALUES (1, {imei}, '', '', '', 'LWM2M', '', 'Active', 1, 1)"
        for imei in (1, 2, 3, 4, 5)
    ),
    "INSERT INTO license (account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place)"
    " VALUES (1, 1, 1, 1, 0, NULL, NULL), (1, 2, 1, 2, 0, NULL, NULL), (1, 3, 1, 3, 2, 9, 4)",
    "INSERT INTO pool_change (account_id, number, at_ms, actor, request_id, verb, detail)"
    " VALUES (1, 1, 1, 'a', 'r1', 'assign', '{}'), (1, 2, 1, 'a', 'r2', 'change subscription', '{}')",
    "INSERT INTO ledger_entry (account_id, number, change_number, imei, kind, used_after)"
    " VALUES (1, 1, 1, 1, 1, 1), (1, 2, 1, 2, 1, 2), (1, 3, 1, 3, 1, 3), (1, 4, 2, 3, 6, 3)",
    "INSERT INTO pool_level (account_id, at_ms, used, notice, entries) VALUES (1, 0, 0, 0, 0), (1, 3599999, 3, 1, 4)",
    "INSERT INTO candidate (account_id, place, imei) VALUES (1, 0, 4)",
    # A campaign that runs: of devices 1 and 3. One that has ended: of 1 (charged when it was) and 2.
    "INSERT INTO campaign (id, uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms,"
    " windows, auto_assign, auto_add, status, devices, created_ms, updated_ms, leased_until_ms) VALUES"
    " (1, 'a', 1, 1, 1, '', '', '', 1, 2, '', 0, 0, 5, 2, 1, 1, 0), (2, 'b', 1, 1, 1, '', '', '', 1, 2, '', 0, 0, 6, 2,"
    " 1, 1, 0)",
    f"INSERT INTO upgrade ({UPGRADE}) VALUES (1, 3, 1, 2, 9, NULL, 0, 0, 1), (1, 1, 1, 1, 9, NULL, 0, 0, 1),"
    " (1, 1, 2, 3, 2, 4, 0, 0, 1), (1, 2, 2, 5, 2, NULL, 0, 0, 1), (1, 5, 0, 1, 9, NULL, 0, 0, 1)",
    "INSERT INTO campaign_tally (campaign_id, in_progress, completed, failed, canceled, rejected)"
    " VALUES (1, 1, 0, 0, 0, 0), (2, 0, 1, 0, 1, 0)",
    "INSERT INTO subscription_period (account_id, from_ms, total, purchase_type) VALUES"
    " (1, 1, 9, 'TS-HFOTA-EVNT,TS-HFOTA-MRC'), (1, 5, 3, 'TS-HFOTA-MRC')",
    "INSERT INTO notice_period (account_id, imei, given_ms, until_ms, ended_ms)"
    " VALUES (1, 3, 5, 9, NULL), (1, 3, 1, 4, 4)",
    # A list that was stopped after two of three devices.
    "INSERT INTO bulk_job (uuid, account_id, operator, verb, devices, done, created_ms, stopped_ms, ended_ms)"
    " VALUES ('j', 1, 'ford', 'assign', 3, 2, 1, 2, 2)",
    "INSERT INTO bulk_line (job, place, imei, outcome)"
    " VALUES ('j', 0, 1, 'assigned'), ('j', 1, 9, 'device_not_found'), ('j', 2, 2, NULL)",
    "INSERT INTO bulk_left_out (job, number, line, value, reason) VALUES ('j', 0, 7, '', 'line 7 is none')",
    "INSERT INTO scheduled_change (account_id, due_ms, total, state, operator, request_id, created_ms, updated_ms,"
    " ended_ms, change_number, reason, leased_until_ms) VALUES (1, 1, 3, 'done', 'a', 'r2', 0, 1, 1, 2, '', 0),"
    " (1, 9, 2, 'scheduled', 'a', 'r3', 0, 0, NULL, NULL, '', 0)",
    "INSERT INTO bulk_outcome (job, outcome, devices) VALUES ('j', 'assigned', 1), ('j', 'device_not_found', 1)",
)
TAMPER = {
    "assigned-within-total": (
        "INSERT INTO license (account_id, imei, assigned_ms, place, state) VALUES (1, 4, 1, 9, 0), (1, 5, 1, 9, 0)",
    ),
    "holders-equal-counter": ("DELETE FROM license WHERE imei = 1",),
    "ledger-equals-counter": ("UPDATE ledger_entry SET kind = 9, used_after = 4 WHERE number = 4",),
    "history-equals-ledger": ("UPDATE pool_level SET used = 2 WHERE at_ms > 0",),
    "ledger-without-gaps": ("UPDATE ledger_entry SET number = 7 WHERE number = 2",),
    "notice-equals-counter": ("UPDATE license SET state = 2, notice_until_ms = 9, notice_place = 5 WHERE imei = 1",),
    "holders-are-devices": ("DELETE FROM device WHERE imei = 2",),
    "devices-are-in-their-namespace": ("UPDATE device SET namespace = 7 WHERE imei = 5",),
    "one-license-one-open-upgrade": (
        "DROP INDEX upgrade_open_once",
        f"INSERT INTO upgrade ({UPGRADE}) VALUES (1, 3, 0, 1, 9, NULL, 0, 0, 1)",
    ),
    "candidates-equal-counter": ("DELETE FROM candidate",),
    "open-upgrades-have-a-campaign": ("UPDATE upgrade SET campaign_id = 3 WHERE imei = 1 AND status = 1",),
    "ended-campaigns-have-nothing-scheduled": ("UPDATE campaign SET status = 7 WHERE id = 1",),
    "campaigns-equal-their-devices": ("UPDATE campaign SET devices = 3 WHERE id = 1",),
    "tallies-equal-their-devices": ("DELETE FROM campaign_tally WHERE campaign_id = 2",),
    "scheduled-devices-are-licensed": ("UPDATE upgrade SET imei = 4 WHERE imei = 1 AND status = 1",),
    "charged-once-completed": ("UPDATE upgrade SET charged_ms = 5 WHERE imei = 3",),
    "notices-equal-periods": ("UPDATE notice_period SET ended_ms = 8 WHERE given_ms = 5",),
    "subscription-equals-period": ("UPDATE subscription_period SET total = 4 WHERE id = 2",),
    "lists-equal-their-outcomes": ("UPDATE bulk_line SET outcome = 'assigned' WHERE place = 2",),
    "scheduled-changes-are-in-the-ledger": ("UPDATE scheduled_change SET change_number = 9 WHERE state = 'done'",),
    "one-answer-for-a-key": ("UPDATE idempotency_key SET request_hash = answer",),
}
ALSO = (
    ("ledger-equals-counter", "UPDATE license_pool SET used = 2, total = 9"),
    ("ledger-equals-counter", "UPDATE ledger_entry SET used_after = 2 WHERE number = 4"),
    ("history-equals-ledger", "UPDATE pool_level SET notice = 0 WHERE at_ms > 0"),
    ("history-equals-ledger", "UPDATE pool_level SET entries = 3, notice = 0 WHERE at_ms > 0"),
    ("history-equals-ledger", "UPDATE pool_level SET at_ms = 1 WHERE at_ms = 0"),
    ("history-equals-ledger", "DELETE FROM pool_level"),
    ("ledger-without-gaps", "DELETE FROM pool_change WHERE number = 1"),
    ("ledger-without-gaps", "UPDATE license_pool SET changes = 3"),
    ("holders-are-devices", "UPDATE license SET place = 4 WHERE imei = 1"),
    ("holders-are-devices", "UPDATE device SET account_id = 2 WHERE imei = 1"),
    ("notice-equals-counter", "UPDATE license_pool SET notice = 0, total = 9"),
    ("candidates-equal-counter", "UPDATE license_pool SET candidates = 0"),
    ("open-upgrades-have-a-campaign", "UPDATE campaign SET account_id = 2 WHERE id = 1"),
    ("open-upgrades-have-a-campaign", "UPDATE campaign SET status = 3 WHERE id = 1"),
    ("ended-campaigns-have-nothing-scheduled", "UPDATE upgrade SET status = 6 WHERE campaign_id = 2 AND imei = 2"),
    ("campaigns-equal-their-devices", "DELETE FROM upgrade WHERE campaign_id = 2 AND imei = 2"),
    ("scheduled-devices-are-licensed", "UPDATE upgrade SET campaign_id = 1, scheduled_ms = 6 WHERE imei = 5"),
    ("notices-equal-periods", "UPDATE notice_period SET until_ms = 8 WHERE given_ms = 5"),
    ("notices-equal-periods", "UPDATE notice_period SET imei = 2 WHERE given_ms = 5"),
    ("notices-equal-periods", "UPDATE notice_period SET ended_ms = NULL WHERE given_ms = 1"),
    ("subscription-equals-period", "UPDATE account SET purchase_type = 'TS-HFOTA-EVNT,TS-HFOTA-MRC'"),
    ("subscription-equals-period", "DELETE FROM subscription_period"),
    ("subscription-equals-period", "UPDATE license_pool SET total = 9"),
    ("lists-equal-their-outcomes", "UPDATE bulk_job SET done = 1"),
    ("lists-equal-their-outcomes", "UPDATE bulk_outcome SET devices = 2 WHERE outcome = 'assigned'"),
    ("scheduled-changes-are-in-the-ledger", "UPDATE pool_change SET verb = 'assign' WHERE number = 2"),
    ("lists-equal-their-outcomes", "DELETE FROM bulk_line WHERE place = 0"),
    (
        "one-answer-for-a-key",
        "INSERT INTO idempotency_key SELECT account_id, 8, username, key, request_hash, answered_ms, answer"
        " FROM idempotency_key",
    ),
)
HARMLESS = (
    # Scheduled while events were still bought; set by the operator.
    "UPDATE upgrade SET imei = 4, scheduled_ms = 5 WHERE imei = 1 AND status = 1",
    "UPDATE upgrade SET scheduled_ms = 99 WHERE imei = 5",
    # A campaign that was aborted: the engine has yet to go through it, and what has begun may end.
    "UPDATE campaign SET status = 8, scan_cursor = -1 WHERE id = 1",
)


@pytest.fixture
def acme(connection: Connection) -> Connection:
    for statement in SET_UP:
        connection.execute(statement)
    names = "account_id, name_hash, username, key, request_hash, answered_ms, answer"
    connection.insert("idempotency_key", names, [(1, 7, "user", "key", b"h" * 32, 1, b"{}")])
    return connection


def failing(connection: Connection) -> set[str]:
    return {check.name for check in read_audit(connection, 1) if not check.ok}


def test_every_check_has_a_tampering() -> None:
    assert tuple(TAMPER) == CHECK_NAMES


def test_rows_that_agree_pass_every_check(acme: Connection) -> None:
    checks = read_audit(acme, 1)
    assert [check.name for check in checks if check.ok] == list(CHECK_NAMES)
    assert "{" not in "".join(check.found for check in checks)


@pytest.mark.parametrize(
    ("check", "statements"), [*TAMPER.items(), *((check, (statement,)) for check, statement in ALSO)]
)
def test_a_check_fails_when_its_invariant_is_broken(acme: Connection, check: str, statements: tuple[str, ...]) -> None:
    for statement in statements:
        acme.execute(statement)
    assert check in failing(acme)


def test_a_failed_sum_names_the_devices_that_disagree_with_the_ledger(acme: Connection) -> None:
    acme.execute("DELETE FROM license WHERE account_id = 1 AND imei = 1")
    found = {check.name: check.found for check in read_audit(acme, 1)}
    assert found["holders-equal-counter"].endswith("; devices: 000000000000001")
    rows = [(1, 100 + number, 0, 500 + number, 0, None, None) for number in range(30)]
    acme.insert("license", "account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place", rows)
    found = {check.name: check.found for check in read_audit(acme, 1)}
    assert found["holders-are-devices"].endswith("000000000000108, 000000000000109, …")


def test_a_wrong_counter_is_not_blamed_on_a_device(acme: Connection) -> None:
    acme.execute("UPDATE license_pool SET used = used + 1, total = total + 1 WHERE account_id = 1")
    found = {check.name: check.found for check in read_audit(acme, 1)}
    assert found["holders-equal-counter"].endswith("; no device disagrees with the ledger")


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_the_rules_allow_is_no_violation(acme: Connection, statement: str) -> None:
    acme.execute(statement)
    assert failing(acme) == set()


@dataclass
class Done:
    exit_code: int
    output: str


def database_command(*arguments: str) -> Done:
    result = CliRunner().invoke(main, ["database", *arguments])
    return Done(result.exit_code, result.output)


def test_verify_counts_the_accounts_and_finds_nothing(acme: Connection, database_url: str) -> None:
    assert database_command("verify", "--database", database_url) == Done(0, "1 accounts, 0 violations\n")


def test_verify_exits_1_and_names_account_and_violation(acme: Connection, database_url: str) -> None:
    acme.execute("DELETE FROM candidate")
    done = database_command("verify", "--database", database_url)
    assert done.exit_code == 1
    assert "acme: the candidate list is as long as its counter says: 0 candidates, counter 1" in done.output
    assert "1 accounts, 1 violations" in done.output


def test_verify_and_backup_of_a_database_that_is_not_there_make_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    for arguments in (("verify",), ("backup", str(tmp_path / "copy.db"))):
        done = database_command(*arguments, "--database", url)
        assert done.exit_code == 1
        assert "fotapool serve" in done.output
    assert list(tmp_path.iterdir()) == []


def test_migrate_says_what_it_did(connection: Connection, database_url: str) -> None:
    assert database_command("migrate", "--database", database_url) == Done(0, f"schema {VERSION}, unchanged\n")


def test_migrate_sets_up_an_empty_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert database_command("migrate", "--database", url) == Done(0, f"schema empty -> {VERSION}\n")
    assert database_command("verify", "--database", url).exit_code == 0


@pytest.mark.parametrize("command", ["migrate", "verify"])
def test_a_url_of_no_database_is_refused_in_words(command: str) -> None:
    done = database_command(command, "--database", "mysql://host/x")
    assert done.exit_code == 1
    assert "is not a database: use sqlite:///" in done.output


@pytest.mark.parametrize("command", ["migrate", "verify"])
def test_a_server_that_does_not_answer_is_told_in_words(command: str) -> None:
    done = database_command(command, "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_a_backup_is_the_database_as_it_was_while_others_write(
    acme: Connection, database_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    done = database_command("backup", str(copy), "--database", database_url)
    if database_url.startswith("postgresql"):
        assert done.exit_code == 1
        assert "pg_dump" in done.output
        return
    assert done == Done(0, f"copied to {copy}\n")
    acme.execute("DELETE FROM candidate")
    assert database_command("verify", "--database", f"sqlite:///{copy}") == Done(0, "1 accounts, 0 violations\n")


def test_a_backup_that_cannot_be_written_is_told_in_words(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    done = database_command("backup", str(tmp_path / "nowhere" / "copy.db"), "--database", database_url)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def grow(connection: Connection, first: int, end: int) -> None:
    """Gives the account devices, each with a license, a campaign of its own and a level of the pool's history."""
    numbers = range(first, end)
    names = "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms"
    connection.insert("device", names, [(1, n, "", "", "", "", "", "Active", 1, 1) for n in numbers])
    connection.insert(
        "license", "account_id, imei, assigned_ms, place, state", [(1, number, 1, number, 0) for number in numbers]
    )
    names = "account_id, number, at_ms, actor, request_id, verb, detail"
    connection.insert("pool_change", names, [(1, number, 1, "", "", "assign", "{}") for number in numbers])
    names = "account_id, number, change_number, imei, kind, used_after"
    connection.insert("ledger_entry", names, [(1, number, number, number, 1, number) for number in numbers])
    names = "account_id, at_ms, used, notice, entries"
    connection.insert("pool_level", names, [(1, number, number, 0, number) for number in numbers])
    names = (
        "id, uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms, windows, auto_assign,"
        " auto_add, status, devices, created_ms, updated_ms, leased_until_ms"
    )
    values = (1, 1, 1, "", "", "", 1, 2, "", 0, 0, 6, 1, 1, 1, 0)
    connection.insert("campaign", names, [(number, str(number), *values) for number in numbers])
    names = "campaign_id, in_progress, completed, failed, canceled, rejected"
    connection.insert("campaign_tally", names, [(number, 0, 1, 0, 0, 0) for number in numbers])
    connection.insert("upgrade", UPGRADE, [(1, number, number, 3, 2, 4, 0, 0, 1) for number in numbers])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_work_of_each_check_grows_no_faster_than_the_rows(connection: Connection) -> None:
    def count_steps() -> dict[str, int]:
        found = {}
        for name, _, sql, _ in _CHECKS:
            steps = itertools.count()
            db.set_progress_handler(lambda steps=steps: next(steps) < 0, 10)
            connection.fetch(sql, {"id": 1})
            found[name] = next(steps)
        db.set_progress_handler(None)
        return found

    db = connection._db  # type: ignore[attr-defined]
    for statement in SET_UP[:2]:
        connection.execute(statement)
    grow(connection, 1, 3)
    connection.execute("ANALYZE")  # statistics of a small account, as they are kept while it grows
    grow(connection, 3, 100)
    few = count_steps()
    grow(connection, 100, 1_000)
    many = count_steps()
    assert {name: (few[name], many[name]) for name in few if many[name] > 20 * few[name] + 100} == {}
