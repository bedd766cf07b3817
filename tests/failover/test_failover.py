"""The primary is frozen or killed and the standby promoted, while clients change licenses and subscriptions.

Each is answered in time, what was answered is there, what was refused is not, and the servers go on by themselves.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from support.ledgers import client_of
from support.load import Load, Watch, describe, load_on
from support.postgres_servers import PostgresServer, url_of
from support.processes import ServerProcess

Pair = tuple[PostgresServer, PostgresServer]
Serve = Callable[..., ServerProcess]
UNKNOWN = "the changes were committed or rolled back"
"""What the log says of a batch whose commit may have been done; its changes are answered 503 as well."""


def verify(url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "fotapool.cli", "database", "verify", "--database", url],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_books_balance(load: Load, url: str, *servers: ServerProcess) -> set[str]:
    """Returns the requests whose changes are there although they were answered 503, which the log knows of."""
    with client_of(servers[0].address) as api:
        found = load.done_without_an_answer(api)
    assert not found or any(UNKNOWN in server.log for server in servers), found
    assert verify(url) == "10 accounts, 0 violations\n"
    return found


def fail_over(pair: Pair, serve: Serve, fail: Callable[[PostgresServer], None]) -> tuple[Load, list[ServerProcess]]:
    """Two servers whose clients see the primary fail, and go on when the standby has been promoted."""
    primary, standby = pair
    url = url_of(*pair)
    servers = [serve(url), serve(url)]
    load, watch = load_on(*servers), Watch(servers[0].address)
    with watch.running(), load.running():
        load.wait_for(200, more=5)
        watch.wait_until(up=True)
        failed_s = time.monotonic()
        fail(primary)
        noticed_s = watch.wait_until(up=False)
        load.wait_for(503, more=1)
        promoted_s = time.monotonic()
        standby.promote()
        load.wait_for(200, more=10)
        back_s = watch.wait_until(up=True)
    describe("failover", not_ready_after=noticed_s - failed_s, back_after=back_s - promoted_s)
    assert_books_balance(load, url, *servers)
    return load, servers


def test_a_frozen_primary_is_replaced_by_its_standby(pair: Pair, serve: Serve) -> None:
    load, servers = fail_over(pair, serve, PostgresServer.freeze)
    primary, standby = pair
    with client_of(servers[0].address) as api:
        refused = load.done_without_an_answer(api)
        primary.resume()  # it executes what it has received, and commits nothing without its standby
        waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'fotapool' AND state = 'active'"
        print("waiting on the former primary", primary.fetch(waiting))
        primary.stop()
        assert load.done_without_an_answer(api) == refused
    assert standby.fetch("SELECT pg_is_in_recovery()") == [(False,)]


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop], ids=["killed", "stopped"])
def test_a_primary_that_has_ended_is_replaced_by_its_standby(
    pair: Pair, serve: Serve, end: Callable[[PostgresServer], None]
) -> None:
    fail_over(pair, serve, end)
