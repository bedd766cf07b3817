"""`/health/ready`: what it needs, and what it says when that is not there."""

from __future__ import annotations

import pytest

from fotapool.store.db.schema import VERSION
from support.helpers import Api


def not_ready(api: Api) -> dict[str, object]:
    response = api.http.get("/health/ready")
    assert response.status_code == 503
    found: dict[str, object] = response.json()
    assert found["ready"] is False
    return found


@pytest.mark.parametrize(
    ("version", "words"),
    [("9999", "use a newer fotapool"), ("0000", "fotapool database migrate")],
    ids=["migrated by a newer program", "restored from an older one"],
)
def test_a_server_is_not_ready_on_another_schema(api: Api, version: str, words: str) -> None:
    connection = api.server.database.connect()
    connection.execute("UPDATE alembic_version SET version_num = :version", {"version": version})
    found = not_ready(api)
    assert found["status"] == "schema"
    assert f"schema {version}" in str(found["reason"])
    assert words in str(found["reason"])
    assert api.http.get("/health/live").status_code == 200
    connection.execute("UPDATE alembic_version SET version_num = :version", {"version": VERSION})
    connection.close()
    assert api.http.get("/health/ready").json()["ready"] is True


def test_a_server_is_not_ready_on_an_emptied_database(api: Api) -> None:
    connection = api.server.database.connect()
    connection.execute("DROP TABLE alembic_version")
    connection.close()
    assert "ready" in not_ready(api)


def test_the_reason_names_no_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from fotapool.services.system import health
    from fotapool.store.db.connection import StoreUnavailable

    def gone(_: object) -> None:
        raise StoreUnavailable('connection to server at "10.1.2.3", port 5432 failed')

    monkeypatch.setattr(health.schema, "check", gone)
    response = api.http.get("/health/ready")
    assert response.status_code == 503
    assert "10.1.2.3" not in response.text
    assert response.headers["retry-after"]
    assert response.json()["reason"] == "the database does not answer"


def test_a_draining_server_says_so_even_without_a_database(api: Api) -> None:
    api.server.readiness.draining = True
    assert not_ready(api)["reason"] == "draining"


def test_a_server_whose_changes_cannot_be_written_is_not_ready(
    api: Api, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fotapool.services.system import health

    monkeypatch.setattr(health, "PROBE_EVERY_S", -1.0)  # each request tries anew
    assert "fotapool_database_up 1.0" in api.http.get("/metrics").text
    read_only = (
        "PRAGMA query_only = on" if database_url.startswith("sqlite") else "SET default_transaction_read_only = on"
    )
    connection = api.server.context.writer._connection
    assert connection is not None
    connection.execute(read_only)
    assert not_ready(api)["status"] == "unavailable"
    assert api.http.get("/health/ready").json()["ready"] is True  # by a new connection


def test_a_scrape_that_cannot_read_the_database_says_that_it_is_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from fotapool.store.db.connection import StoreUnavailable
    from fotapool.web import metrics

    def gone(*_: object) -> None:
        raise StoreUnavailable("no answer within 10 s")

    assert "fotapool_database_up 1.0" in api.http.get("/metrics").text
    monkeypatch.setattr(metrics, "read_store_numbers", gone)
    found = api.http.get("/metrics").text
    assert "fotapool_database_up 0.0" in found
    assert "fotapool_licenses_total" not in found
