"""A connection that breaks during a commit: what is answered is what became of the change."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from fotapool.console.app.errors import page_error
from fotapool.domain.errors import ErrorCode
from fotapool.emulator.advice import ADVICE
from fotapool.store.db.connection import ConnectionLost, OutcomeUnknown, StoreUnavailable
from fotapool.store.db.factory import open_database
from fotapool.web.problems import describe
from fotapool.worker import runner
from support.helpers import ACCOUNT, Api, devices
from support.postgres_proxy import Break, PostgresProxy, postgres_proxy

PATIENCE_S = 3
"""The server's deadline for the database in these tests, in seconds."""
only_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def proxy(database_url: str) -> Iterator[PostgresProxy]:
    with postgres_proxy(database_url) as found:
        yield found


@pytest.fixture
def api(start: Callable[..., Api], proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A production server whose connections to PostgreSQL go through the proxy, with its connections open.

    Its background does nothing: the next commit is that of the test's request.
    """
    monkeypatch.setattr(runner, "TICK_S", 3600)
    api = start(emulator=False, database=proxy.url, database_timeout_s=PATIENCE_S)
    api.assign(0)
    return api


def assign(api: Api, number: int) -> Any:
    return api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(number)})


@only_postgres
@pytest.mark.parametrize("how", ["after the commit", "ended after the commit"])
def test_a_change_whose_commit_succeeded_is_answered_as_such(api: Api, proxy: PostgresProxy, how: Break) -> None:
    proxy.break_next = how
    response = assign(api, 1)
    assert response.status_code == 200, response.text
    assert api.licensed() == devices(0, 1)
    assert [entry["deviceId"] for entry in api.ledger()] == devices(0, 1)
    api.assign(2)
    api.assert_consistent()


@only_postgres
def test_a_change_whose_commit_never_arrived_is_answered_503_and_not_done(api: Api, proxy: PostgresProxy) -> None:
    proxy.break_next = "before the commit"
    response = assign(api, 1)
    assert (response.status_code, "retry-after" in response.headers) == (503, True)
    assert api.licensed() == devices(0)
    api.assign(1)
    api.assert_consistent()


@only_postgres
def test_an_operators_change_and_its_secret_are_not_lost_with_the_answer(api: Api, proxy: PostgresProxy) -> None:
    proxy.break_next = "after the commit"
    created = api.control("POST", "/operators", {"name": "ford", "role": "viewer"})
    assert created.status_code == 201, created.text
    headers = {"Authorization": f"Bearer {created.json()['key']}"}
    assert api.control("GET", "/accounts", headers=headers).status_code == 200


@only_postgres
def test_no_answer_says_that_nothing_was_done_when_that_is_not_known(api: Api, proxy: PostgresProxy) -> None:
    proxy.break_next = "for good"
    response = assign(api, 1)
    assert (response.status_code, response.json()["errorCode"]) == (503, "SERVICE_UNAVAILABLE")
    assert "nothing" not in response.text
    proxy.break_next = None
    api.call("GET", f"/v3/licenses/{ACCOUNT}")
    known = api.licensed()
    assert known in (devices(0), devices(0, 1))
    api.assign(2)
    assert api.licensed() == [*known, *devices(2)]
    api.assert_consistent()


@only_postgres
def test_a_batch_that_was_settled_as_not_committed_cannot_commit_later(database_url: str) -> None:
    database = open_database(database_url, durable=True)
    late, settling = database.connect(writes=True), database.connect(writes=True)
    settling.start_marking("w")
    late.begin()  # has not come to its mark yet, as on a server that was frozen
    assert settling.settle_commit("w", 1) is False
    with pytest.raises(StoreUnavailable):
        late.mark_commit("w", 1, 60)
    late.rollback()
    assert settling.settle_commit("w", 1) is False  # asked again, since the first answer was lost
    settling.start_marking("w2")
    settling.begin()
    settling.mark_commit("w2", 1, 60)
    settling.commit()
    assert late.settle_commit("w2", 1) is True
    assert late.settle_commit("unknown", 1) is None
    late.close()
    settling.close()


@only_postgres
def test_a_transaction_that_took_too_long_does_not_commit(database_url: str) -> None:
    connection = open_database(database_url, durable=True).connect(writes=True)
    connection.start_marking("w")
    connection.begin()
    with pytest.raises(StoreUnavailable, match="took too long"):
        connection.mark_commit("w", 1, 0)
    connection.rollback()
    assert connection.settle_commit("w", 1) is False
    connection.close()


@only_postgres
def test_a_frozen_database_is_answered_503_in_time_and_does_nothing_of_it_later(
    api: Api, proxy: PostgresProxy, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        rows = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        pids = [row[0] for row in rows]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            responses = [assign(api, 1), api.call("GET", f"/v3/licenses/{ACCOUNT}"), assign(api, 2)]
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert [response.status_code for response in responses[:1]] == [503]
        for response in responses:
            assert response.status_code in (200, 503)
            assert response.elapsed.total_seconds() < 10 * PATIENCE_S
    done = [number for number, response in ((1, responses[0]), (2, responses[2])) if response.status_code == 200]
    assert api.licensed() == devices(0, *done)
    api.assert_consistent()


@only_postgres
def test_a_connection_that_the_watchdog_ended_is_replaced(database_url: str) -> None:
    connection = open_database(database_url, durable=True).connect()
    connection.abort()  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable) as caught:
        connection.fetch("SELECT 1")
    assert not isinstance(caught.value, ConnectionLost)
    connection.close()


def test_the_operators_answers_say_when_it_is_not_known_what_was_done() -> None:
    lost, refused = OutcomeUnknown("the connection broke"), StoreUnavailable("the database is locked")
    assert describe(lost) == (
        503,
        "the database went away during the commit: the change was done or not; read the state first",
    )
    assert describe(refused) == (503, "the server is busy; try again later")
    assert "Nothing was changed" not in page_error(lost).message + page_error(lost).advice
    assert page_error(refused).message.endswith("Nothing was changed.")


def test_no_advice_on_an_unavailable_database_promises_that_nothing_was_done() -> None:
    assert "Nothing was done, unless the database went away" in ADVICE[ErrorCode.STORE_UNAVAILABLE]
