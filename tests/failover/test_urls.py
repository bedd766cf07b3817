"""Every command that takes a database's URL takes one with several hosts, of which one is the primary."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from fotapool.store.db.schema import VERSION
from support.helpers import OPERATOR
from support.postgres_servers import PostgresServer, url_of
from support.processes import free_port
from support.servers import running_server, set_up

Pair = tuple[PostgresServer, PostgresServer]


@pytest.fixture
def url(pair: Pair) -> str:
    """A standby, a port where nothing is, and the primary."""
    primary, standby = pair
    return url_of(standby, PostgresServer(Path(), free_port()), primary)


def database(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["database", *arguments])


def test_each_command_finds_the_primary(url: str, tmp_path: Path) -> None:
    done = database("migrate", "--database", url)
    assert (done.output, done.exit_code) == (f"schema {VERSION}, unchanged\n", 0)
    set_up(url, "a")
    done = database("verify", "--database", url)
    assert (done.output, done.exit_code) == ("1 accounts, 0 violations\n", 0)
    assert database("delete-secrets", "--yes", "--database", url).exit_code == 0
    file = tmp_path / "copy"
    done = database("backup", str(file), "--database", url)
    assert (done.exit_code, "pg_dump" in done.output) == (1, True)
    file.touch()
    done = database("restore", str(file), "--database", url)
    assert (done.exit_code, "pg_restore" in done.output) == (1, True)
    options = ["--database", url, "--operator-key", OPERATOR, "--storage", tmp_path.as_uri()]
    with running_server("emulate", *options) as (address, _):
        assert httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200


def test_no_command_takes_a_standby_for_the_primary(pair: Pair) -> None:
    primary, standby = pair
    primary.stop()
    url = url_of(*pair)
    for command in (("migrate",), ("verify",), ("delete-secrets", "--yes")):
        done = database(*command, "--database", url)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")
        assert "Traceback" not in done.output
    standby.promote()
    assert database("migrate", "--database", url).exit_code == 0
