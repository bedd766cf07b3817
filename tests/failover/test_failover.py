"""The primary is frozen or killed and the standby promoted, while clients change licenses and subscriptions.

Each is answered in time, what was answered is there, what was refused is not, and the servers go on by themselves.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from fotapool.store.db.connection import NoAnswer
from fotapool.store.db.factory import open_database
from support.helpers import OPERATOR
from support.ledgers import client_of
from support.load import Load, Watch, assert_books_balance, describe, interrupt, load_on
from support.postgres_servers import PostgresServer, url_of
from support.processes import ServerProcess, wait_until

Pair = tuple[PostgresServer, PostgresServer]
Serve = Callable[..., ServerProcess]
KEY = {"Authorization": f"Bearer {OPERATOR}"}
READS = ("/control/v1/accounts/account-0", "/control/v1/accounts/account-0/ledger")


def fail_over(
    pair: Pair, serve: Serve, fail: Callable[[PostgresServer], None], servers_count: int = 1
) -> tuple[Load, list[ServerProcess]]:
    """Servers whose clients see the primary fail, and go on when the standby has been promoted."""
    primary, standby = pair
    url = url_of(*pair)
    servers = [serve(url) for _ in range(servers_count)]
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
    load, servers = fail_over(pair, serve, PostgresServer.freeze, servers_count=2)
    primary, standby = pair
    with client_of(servers[0].address) as api:
        refused = load.done_without_an_answer(api)
        primary.resume()  # it executes what it has received, and commits nothing without its standby
        ours = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'fotapool' AND state = 'active'"
        wait_until(lambda: not primary.fetch(f"{ours} AND wait_event IS DISTINCT FROM 'SyncRep'"), "all executed")
        primary.stop()
        assert load.done_without_an_answer(api) == refused
    assert standby.fetch("SELECT pg_is_in_recovery()") == [(False,)]


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop], ids=["killed", "stopped"])
def test_a_primary_that_has_ended_is_replaced_by_its_standby(
    pair: Pair, serve: Serve, end: Callable[[PostgresServer], None]
) -> None:
    fail_over(pair, serve, end)


def test_a_database_that_was_frozen_and_resumes_does_nothing_that_was_refused(
    single: PostgresServer, serve: Serve
) -> None:
    single.start()
    interrupt(serve, url_of(single), single.freeze, single.resume)


def test_a_long_read_ends_with_a_database_that_is_frozen(single: PostgresServer) -> None:
    single.start()
    database = open_database(url_of(single), durable=True, timeout_s=0.5)
    with closing(database.connect()) as connection:
        assert connection.fetch("SHOW tcp_keepalives_idle") == [("5",)]
        connection.begin_snapshot()
        single.freeze()
        with pytest.raises(NoAnswer):
            connection.fetch("SELECT 1")


def test_a_database_that_restarts(single: PostgresServer, serve: Serve) -> None:
    single.start()
    interrupt(serve, url_of(single), lambda: single.stop(signal.SIGQUIT), single.start)


def test_a_primary_whose_synchronous_standby_does_not_answer(pair: Pair, serve: Serve) -> None:
    _, standby = pair
    interrupt(serve, url_of(*pair), standby.freeze, standby.resume)


def test_a_database_that_is_read_only(single: PostgresServer, serve: Serve) -> None:
    def set_read_only(value: str) -> None:
        single.fetch(f"ALTER SYSTEM SET default_transaction_read_only = {value}", database="postgres")
        single.fetch("SELECT pg_reload_conf()", database="postgres")

    single.start()
    interrupt(serve, url_of(single, query=""), lambda: set_read_only("on"), lambda: set_read_only("off"))


def test_a_standby_that_is_left_alone_is_read_until_it_is_promoted(pair: Pair, serve: Serve) -> None:
    primary, standby = pair
    url = url_of(*pair, query="")  # without target_session_attrs
    reads: list[int] = []

    def promote() -> None:
        reads.extend(httpx.get(f"{address}{path}", headers=KEY, trust_env=False).status_code for path in READS)
        standby.promote()

    server = serve(url)
    address = server.address
    interrupt(lambda _: server, url, primary.stop, promote)
    assert reads == [200, 200]
