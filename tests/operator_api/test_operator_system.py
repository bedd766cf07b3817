"""`GET /system` and `fotapool system`: the state of the server, and its settings in effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fotapool import __version__
from fotapool.core.settings import SettingInEffect, SettingSource
from fotapool.services.system import health
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.db.schema import VERSION
from support.helpers import ACCOUNT, Api

SETTING = SettingInEffect(
    option="--drain-s",
    variable="FOTAPOOL_DRAIN_S",
    value="7",
    unit="s",
    default="2",
    source=SettingSource.ENVIRONMENT,
    description="Seconds.",
)


def test_the_state_says_what_is_due_and_what_waits(
    start: Callable[..., Api], deliveries_rest: None, database_url: str
) -> None:
    api = start(in_effect=(SETTING,))
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    found = api.control("GET", "/system").json()
    (setting,) = found.pop("settings")
    assert setting == {**msgspec.to_builtins(SETTING), "isDefault": False}
    assert found.pop("startTime")
    assert found == {
        "ready": True,
        "status": "ready",
        "reason": None,
        "version": __version__,
        "database": kind,
        "time": "2026-03-10T12:00:00.000Z",
        "testClock": True,
        "changesWaiting": 0,
        "stored": {
            "schemaVersion": VERSION,
            "campaignsRunning": 0,
            "callbacksWaiting": 0,
            "oldestCallback": None,
            "jobsDue": 0,
            "nextJob": None,
            "workerLagSeconds": 0.0,
        },
    }


def test_late_jobs_are_counted(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fotapool.worker.runner.TICK_S", 3600)  # no worker does the change
    api = start()
    due = {"licenseCount": 7, "dueTime": "2026-04-01T00:00:00Z"}
    api.control("POST", f"/accounts/{ACCOUNT}/subscription/scheduled-changes", due)
    stored = api.control("GET", "/system").json()["stored"]
    assert (stored["jobsDue"], stored["nextJob"]) == (0, "2026-04-01T00:00:00.000Z")
    clock: Any = api.server.clock
    clock.move_to(1_775_001_600_000 + 90_000)  # 90 s after the change is due
    late = api.control("GET", "/system").json()["stored"]
    assert (late["jobsDue"], late["workerLagSeconds"]) == (1, 90.0)


def test_a_server_without_its_database_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.control("GET", "/system")

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("connection to 10.1.2.3 failed")

    monkeypatch.setattr(health.schema, "check", gone)
    monkeypatch.setattr("fotapool.services.system.state.read_store_numbers", gone)
    found = api.control("GET", "/system").json()
    assert (found["ready"], found["status"], found["stored"]) == (False, "unavailable", None)
    assert found["reason"] == "the database does not answer"


def test_a_viewer_may_read_it_and_no_entry_is_left(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    before = api.control("GET", "/audit-log").json()["entries"]
    assert api.control("GET", "/system", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert api.control("GET", "/audit-log").json()["entries"] == before
