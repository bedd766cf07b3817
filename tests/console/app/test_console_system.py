"""The page of the server: its state, its settings, and the check of an account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_helpers import Browser, words_of

from fotapool.cli.server.options.in_effect import settings_in_effect
from fotapool.cli.server.serve import emulate
from fotapool.core.settings import Settings
from fotapool.services.system import health
from fotapool.store.db.connection import StoreUnavailable
from support.helpers import ACCOUNT, OTHER, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_it_shows_the_state_and_the_settings_in_effect(start: Callable[..., Api]) -> None:
    context = emulate.make_context("emulate", ["--page-size", "50", "--database", "postgresql://u:hidden@db/x"])
    settings = Settings(database="postgresql://u:hidden@db/x", page_size=50)
    api = start(in_effect=settings_in_effect(context, settings))
    page = words_of(Browser(api).get("/system"))
    assert "System Ready" in page
    assert "Jobs due 0 none planned" in page
    assert "Test clock 2026-03-10 12:00:00" in page
    assert "--page-size FOTAPOOL_PAGE_SIZE 50 default: 1000 Command line Maximum number of rows in a page." in page
    assert "--alert-interval-s FOTAPOOL_ALERT_INTERVAL_S 60 s Default" in page
    assert "postgresql://u:***@db/x" in page
    assert "hidden" not in page
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    changed = words_of(Browser(api, key).get("/system?settings=changed"))
    assert "Changed 2" in changed
    assert "--alert-interval-s" not in changed


def test_an_account_is_checked_in_place(console: Browser, api: Api) -> None:
    page = words_of(console.get(f"/system?check={ACCOUNT}"))
    assert f"{ACCOUNT} is consistent." in page
    connection = api.server.database.connect()
    connection.execute("UPDATE license_pool SET used = used + 1")
    connection.close()
    failed = words_of(console.get(f"/system?check={OTHER}"))
    assert f"2 checks failed for {OTHER}." in failed
    assert "account none does not exist" in words_of(console.get("/system?check=none", 404))


def test_a_server_that_is_not_ready_says_why(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("connection to 10.1.2.3 failed")

    monkeypatch.setattr(health.schema, "check", gone)
    page = words_of(console.get("/system"))
    assert "System Not ready The server is not ready: the database does not answer." in page
