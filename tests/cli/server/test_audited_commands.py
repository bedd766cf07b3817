"""What `fotapool database` and the start of a server change is in the audit log of the database."""

from __future__ import annotations

import getpass
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from fotapool.app import Server
from fotapool.cli.main import main
from fotapool.core.clock import FixedClock
from fotapool.core.settings import Settings
from fotapool.store.audit_log import AuditEntry, AuditFilter, read_latest_audit_entries
from fotapool.store.db.factory import open_database
from support.helpers import NOW_MS, SEED, seed_file
from support.servers import set_up

LONG_KEY = "k" * 40


def database(*arguments: str) -> None:
    done = CliRunner().invoke(main, ["database", *arguments])
    assert done.exit_code == 0, done.output


def entries(url: str) -> list[AuditEntry]:
    """All entries, oldest first."""
    with closing(open_database(url, durable=True).connect()) as connection:
        rows, following = read_latest_audit_entries(connection, AuditFilter(), None, 1000, 1000)
    assert following is None
    return [row.entry for row in sorted(rows, key=lambda row: row.id)]


def members(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_a_migration_is_an_entry_of_who_ran_it_and_one_without_work_is_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    database("migrate", "--database", url)
    database("migrate", "--database", url)
    (entry,) = entries(url)
    assert (entry.action, entry.via, entry.operator) == ("migrateDatabase", "command", getpass.getuser())
    assert (members(entry.before_json), members(entry.after_json)) == ({"schema": None}, {"schema": "0001"})


def test_a_restored_database_says_so(tmp_path: Path) -> None:
    url, backup = f"sqlite:///{tmp_path}/a.db", str(tmp_path / "backup.db")
    set_up(url, "old")
    database("backup", backup, "--database", url)
    database("restore", backup, "--database", url)
    (entry,) = entries(url)
    assert (entry.action, members(entry.after_json)) == ("restoreDatabase", {"file": "backup.db"})


def test_new_keys_and_deleted_secrets_are_entries(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    settings = Settings(database=url, secret_key=LONG_KEY)
    for _ in range(2):
        Server(settings, FixedClock(NOW_MS)).database.dispose()
    database("delete-secrets", "--yes", "--database", url)
    Server(Settings(database=url, secret_key=LONG_KEY[::-1] + "x"), FixedClock(NOW_MS)).database.dispose()
    assert [(one.action, one.via) for one in entries(url)] == [
        ("setSecretKey", "command"),
        ("deleteSecrets", "command"),
        ("setSecretKey", "command"),
    ]
    assert LONG_KEY not in str(entries(url))


def test_a_seed_is_an_entry_if_it_was_applied(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    for _ in range(2):
        server = Server(Settings(database=url, seed=seed_file(tmp_path, SEED)), FixedClock(NOW_MS))
        server.seed_before_serving()
        server.database.dispose()
    found = entries(url)
    assert [one.action for one in found] == ["setSecretKey", "applySeed"]
    assert members(found[1].after_json) == {"seed": "seed.json"}
