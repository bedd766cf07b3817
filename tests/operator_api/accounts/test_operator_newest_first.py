"""The ledger and deliveries, newest first and filtered; page by page, whatever a page scans."""

from __future__ import annotations

from typing import Any

import pytest

from fotapool.services.callbacks import deliveries
from fotapool.services.licenses import ledger_views
from support.helpers import ACCOUNT, Api, device, devices

LEDGER = f"/accounts/{ACCOUNT}/ledger"


def numbers(api: Api, path: str, member: str, name: str, query: str = "", limit: int = 2) -> list[int]:
    """The numbers of all pages of a list, newest first."""
    found: list[int] = []
    after = 0
    while True:
        page = api.control("GET", f"{path}?newest=true&limit={limit}&after={after}&{query}").json()
        found += [row[name] for row in page[member]]
        if not page["hasMoreData"]:
            return found
        after = found[-1]


def ledger(api: Api, query: str = "") -> list[int]:
    return numbers(api, LEDGER, "entries", "number", query)


def test_the_ledger_is_read_newest_first_by_time_device_and_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_views, "SCAN_LIMIT", 2)
    api.assign(0, 1, 2)
    api.advance("P1D")
    api.sign_in()
    body = {"deviceList": devices(1)}
    headers = {"X-Request-Id": "mine"}
    assert api.call("POST", f"/v3/licenses/{ACCOUNT}/remove", body, headers=headers).status_code == 200
    api.advance("P1D")
    api.sign_in()
    api.assign(3)
    assert ledger(api) == [5, 4, 3, 2, 1]
    assert ledger(api, f"deviceId={device(1)}") == [4, 2]
    assert ledger(api, "requestId=mine") == [4]
    assert ledger(api, "requestId=mine&until=2026-03-11T00:00:00Z") == []
    assert ledger(api, "requestId=nothing") == []
    assert ledger(api, "since=2026-03-11&until=2026-03-12") == [4]
    assert ledger(api, f"deviceId={device(0)}&since=2026-03-11") == []
    page = api.control("GET", f"{LEDGER}?newest=true&limit=1").json()["entries"][0]
    assert page == api.control("GET", f"{LEDGER}?after=4").json()["entries"][0]
    for query in ("since=2026-03-11", "requestId=mine", "until=2026-03-11"):
        refused = api.control("GET", f"{LEDGER}?{query}")
        assert (refused.status_code, "need newest=true" in refused.json()["detail"]) == (400, True)


def test_deliveries_are_read_newest_first_by_time_and_state(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "SCAN_LIMIT", 2)
    connection = api.server.database.connect(writes=True)
    connection.begin()
    account_id = connection.fetch("SELECT id FROM account WHERE name = :name", {"name": ACCOUNT})[0][0]
    day_ms, start_ms = 86_400_000, 1_773_144_000_000 - 10 * 86_400_000
    rows: list[tuple[Any, ...]] = [
        (account_id, "v3", '{"kind":"firmware"}', 3 if number % 4 == 0 else 2, 1, start_ms + number * day_ms, start_ms)
        for number in range(8)
    ]
    connection.insert("delivery", "account_id, style, event, state, attempts, created_ms, ended_ms", rows)
    connection.commit()
    connection.close()

    def listed(query: str = "") -> list[int]:
        return numbers(api, "/deliveries", "deliveries", "id", query)

    first = min(listed())
    assert listed() == [first + number for number in reversed(range(8))]
    assert listed(f"state=failed&account={ACCOUNT}") == [first + 4, first]
    assert listed("since=2026-03-03T12:00:00Z&until=2026-03-05T12:00:00Z") == [first + 4, first + 3]
    assert listed("since=2026-03-09") == []
    assert api.control("GET", "/deliveries?since=2026-03-03").status_code == 400


@pytest.mark.parametrize("path", [LEDGER, "/deliveries", "/audit-log", "/audit-log/export"])
def test_a_period_that_ends_before_it_begins_is_refused(shared: Api, path: str) -> None:
    newest = "" if path.startswith("/audit") else "newest=true&"
    refused = shared.control("GET", f"{path}?{newest}since=2026-03-12&until=2026-03-11")
    assert refused.status_code == 400
    assert refused.json()["detail"] == "the period ends before it begins: since must not be after until"
    assert shared.control("GET", f"{path}?{newest}since=2026-03-11&until=2026-03-11").status_code == 200
