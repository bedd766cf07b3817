"""The pages of billing statements."""

from __future__ import annotations

import csv
import io
import json

import pytest
from console_helpers import Browser, words_of

from support.helpers import ACCOUNT, OTHER, Api, device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What these pages ask of the database is tested on both elsewhere."""

LIST = f"/accounts/{ACCOUNT}/statements"


def test_the_first_month_says_when_its_statement_is_complete(console: Browser) -> None:
    page = words_of(console.get(LIST))
    assert "The first statement closes at the end of 2026-03." in page
    assert "2026-03 TS-HFOTA-MRC 5 0 0 open" in page
    assert "This month is open" in words_of(console.get(LIST + "/2026-03"))


def test_months_are_listed_with_their_totals_as_a_chart_too(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    api.upgrade(0, "scheduled", "inProgress")
    api.upgrade(1, "scheduled", "inProgress")
    api.subscribe(1)
    api.advance("P40D")
    page = console.get(LIST)
    assert "2026-04 TS-HFOTA-MRC 1 1 0 open 2026-03 TS-HFOTA-MRC 5 0 0 closed" in words_of(page)
    assert 'id="chart-statements"' in page
    rows = list(csv.reader(io.StringIO(console.get(LIST + "/totals.csv"))))
    assert rows[1:] == [["2026-03-01T00:00:00.000Z", "5", "0", "0"], ["2026-04-01T00:00:00.000Z", "1", "1", "0"]]
    month = words_of(console.get(LIST + "/2026-04"))
    assert f"{device(0)} 2026-03-10 12:00:00 2026-05-01 00:00:00 not in this month" in month


def test_a_month_is_downloaded_as_the_operator_api_returns_it(console: Browser, api: Api) -> None:
    path = f"/accounts/{ACCOUNT}/statements/2026-03"
    assert json.loads(console.get(path + "/lines.json")) == api.control("GET", path).json()
    assert console.get(path + "/lines.csv") == api.control("GET", path + "?format=csv").text


def test_a_month_that_is_not_there_or_not_one_says_so(console: Browser) -> None:
    assert "2027-01 has not begun yet." in words_of(console.get(LIST + "/2027-01", status=404))
    assert "A month is written as in 2026-03" in words_of(console.get(LIST + "/march", status=400))
    page = console.get(LIST + "/2026-03?noticeAfter=12", status=400)
    assert "NoticeAfter must be 15 digits." in words_of(page)


def test_billing_shows_all_accounts_by_month_and_exports_them(console: Browser, api: Api) -> None:
    api.subscribe(7)
    api.advance("P40D")
    page = console.get("/billing?from=2026-03&to=2026-12")
    words = words_of(page)
    assert "Account 2026-03 2026-04 (open)" in words
    assert f"{OTHER} 5 5" in words
    assert f"{ACCOUNT} 7 7" in words
    assert f'href="/console/accounts/{ACCOUNT}/statements/2026-04"' in page
    assert f"{ACCOUNT} 0 0" in words_of(console.get("/billing?from=2026-03&quantity=upgrades"))
    sent = console.get("/billing/statements.csv?from=2026-03&to=2026-04")
    assert sent == api.control("GET", "/statements/export?format=csv&from=2026-03&to=2026-04").text
    assert "These months have not begun." in words_of(console.get("/billing?from=2027-01&to=2027-02"))
    assert "ends before it begins" in words_of(console.get("/billing?from=2026-04&to=2026-03", status=400))


def test_a_file_of_the_carrier_is_compared_on_a_page_or_as_a_file(console: Browser, api: Api) -> None:
    path = "/billing/reconciliation"
    assert "Nothing is changed." in words_of(console.get(path))
    api.assign(0, 1)
    files = {"file": ("carrier.csv", f"account;imei\n{ACCOUNT};{device(0)}\n{ACCOUNT};{device(9)}\n")}
    page = words_of(console.post(path, {}, files=files))
    assert "carrier.csv 2 of 2 accounts differ." in page
    assert "Licensed only here: 1 device. Licensed only at the carrier: 1 device." in page
    assert f"{ACCOUNT} 5 2 2 1 1" in page
    assert f"{device(1)} {ACCOUNT} only here {ACCOUNT} 2026-03-10T12:00:00.000Z assigned" in page
    sent = console.post(path, {"csv": "1"}, files=files)
    assert sent.splitlines()[0].startswith("account,deviceId,difference,here,carrier")
    assert f"{ACCOUNT},{device(9)},device,,licensed" in sent
    same = {"file": ("page.json", api.call("GET", f"/v3/licenses/{ACCOUNT}").text)}
    assert "No differences in 1 account and 2 devices." in words_of(console.post(path, {}, files=same))
    assert "Choose the carrier's file" in words_of(console.post(path, {}, status=400))
    wrong = {"file": ("wrong.csv", "name\nx\n")}
    assert "expected account with licenseCount" in words_of(console.post(path, {}, status=400, files=wrong))
