"""The export of the statements of all accounts: each row as the account's own statement, all of one time."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest

from fotapool.domain.billing import Month, Span
from fotapool.services.billing import all_statements
from support.helpers import ACCOUNT, OTHER, Api

COLUMNS = ["account", "month", "complete", "purchaseType", "licenses", "noticeLicenses", "events"]


def rows_of(api: Api, query: str = "") -> list[dict[str, Any]]:
    response = api.control("GET", f"/statements/export?{query}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def busy_quarter(api: Api) -> None:
    """From March to May: a notice that lasts into May, a raised subscription, and an account that is created late."""
    api.assign(0, 1)
    api.upgrade(0, "scheduled", "inProgress")
    api.subscribe(1)
    api.subscribe(0)
    api.control("POST", "/clock", {"to": "2026-04-05T00:00:00Z"})
    api.subscribe(7, account=OTHER)
    assert api.control("POST", "/accounts", {"name": "late", "licenseCount": 3}).status_code == 201
    api.control("POST", "/clock", {"to": "2026-05-05T00:00:00Z"})


def test_each_row_is_what_the_accounts_own_statement_says(api: Api) -> None:
    busy_quarter(api)
    rows = rows_of(api, "from=2026-01&to=2026-12")
    assert [(row["account"], row["month"]) for row in rows] == [
        *((ACCOUNT, month) for month in ("2026-03", "2026-04", "2026-05")),
        *((OTHER, month) for month in ("2026-03", "2026-04", "2026-05")),
        *(("late", month) for month in ("2026-04", "2026-05")),
    ]
    for row in rows:
        own = api.control("GET", f"/accounts/{row['account']}/statements/{row['month']}").json()
        expected = {name: own[name] for name in ("account", "month", "complete", "purchaseType")} | own["totals"]
        assert row == expected
    assert [row["complete"] for row in rows[:3]] == [True, True, False]
    assert [row["noticeLicenses"] for row in rows[:3]] == [0, 1, 1]
    assert rows_of(api, "from=2026-04&to=2026-04") == [row for row in rows if row["month"] == "2026-04"]


def test_csv_has_the_same_rows_with_a_header(api: Api) -> None:
    busy_quarter(api)
    response = api.control("GET", "/statements/export?format=csv&from=2026-04")
    assert response.headers["content-disposition"] == 'attachment; filename="statements-2026-04-2026-05.csv"'
    header, *lines = csv.reader(io.StringIO(response.text, newline=""))
    assert header == COLUMNS
    values = [[row[name] for name in COLUMNS] for row in rows_of(api, "from=2026-04&to=2026-05")]
    assert lines == [[json.dumps(value) if isinstance(value, bool) else str(value) for value in row] for row in values]


def test_what_happens_during_the_export_is_not_in_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_statements, "MONTHS_PER_READ", 1)
    api.assign(0)
    api.upgrade(0, "scheduled", "inProgress")
    api.subscribe(0)
    api.control("POST", "/clock", {"to": "2026-04-05T00:00:00Z"})
    before = rows_of(api)

    async def export() -> list[dict[str, Any]]:
        context = api.server.context
        span = Span.of(None, None, context.clock.now_ms())
        found = []
        async for batch in all_statements.stream_all_statements(context, span):
            found += [row for one in batch for row in one.rows]
            if len(batch) and batch[0].account == ACCOUNT:
                await asyncio.to_thread(change)
        return [{name: getattr(row, name) for name in COLUMNS} for row in found]

    def change() -> None:
        api.advance("PT1S")
        api.subscribe(90, account=OTHER)
        api.subscribe(5)
        assert api.control("POST", "/accounts", {"name": "z-new", "licenseCount": 3}).status_code == 201

    assert asyncio.run(export()) == before
    assert [row["account"] for row in rows_of(api)][-1] == "z-new"


@pytest.mark.parametrize("query", ["from=2026-13", "to=march", "from=2026-05&to=2026-04", "format=xml"])
def test_a_wrong_span_or_format_is_refused(shared: Api, query: str) -> None:
    response = shared.control("GET", f"/statements/export?{query}")
    assert response.status_code == 400, response.text


@pytest.mark.parametrize("query", ["from=2027-01&to=2027-02", "from=0000-01&to=2020-12", "from=9999-12&to=9999-12"])
def test_months_without_records_have_no_rows(shared: Api, query: str) -> None:
    assert rows_of(shared, query) == []


def test_a_span_is_twelve_months_by_default() -> None:
    assert Span.of(None, Month(2026, 3), 0) == Span(Month(2025, 4), Month(2026, 3))
    assert Span.of(None, None, 1_773_144_000_000).last == Month(2026, 3)
    assert Span(Month(2026, 1), Month(2026, 12)).months(Month(2026, 3), Month(2026, 4)) == [
        Month(2026, 3),
        Month(2026, 4),
    ]
