"""The page of all pools."""

from __future__ import annotations

import re

from console_helpers import Browser, words_of

from support.helpers import ACCOUNT, Api


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a href="/console/accounts/([^"]+)"', page)


def test_every_account_is_there_with_its_numbers(console: Browser, api: Api) -> None:
    account = api.control("GET", f"/accounts/{ACCOUNT}").json()
    page = console.get("/pools")
    assert ACCOUNT in names(page)
    row = words_of(page[page.index(f'accounts/{ACCOUNT}"') :])
    assert f"{account['licenseCount']:,}" in row


def test_accounts_are_found_by_a_part_of_their_name_and_signs_stand_for_themselves(console: Browser, api: Api) -> None:
    for name in ("under_score", "underXscore"):
        api.control("POST", "/accounts", {"name": name})
    assert names(console.get("/pools?search=er_s")) == ["under_score"]
    assert "No account matches “nobody”." in words_of(console.get("/pools?search=nobody"))


def test_accounts_are_sorted_by_each_number_both_ways(console: Browser, api: Api) -> None:
    for name, total in (("a", 5), ("b", 9), ("c", 7)):
        api.control("POST", "/accounts", {"name": name, "licenseCount": total})
    found = [name for name in names(console.get("/pools?order=total&down=1")) if name in "abc"]
    assert found == ["b", "c", "a"]
    assert [name for name in names(console.get("/pools?order=free")) if name in "abc"] == ["a", "c", "b"]
    assert "Order must be one of" in words_of(console.get("/pools?order=color", status=400))


def test_many_accounts_are_paged(console: Browser, api: Api) -> None:
    for number in range(60):
        api.control("POST", "/accounts", {"name": f"many-{number:03d}"})
    first, second = console.get("/pools?search=many"), console.get("/pools?search=many&page=2")
    assert len(names(first)) == 50
    assert len(names(second)) == 10
    assert 'href="?search=many&amp;order=usage&amp;down=1&amp;page=2" rel="next"' in first


def test_the_last_thirty_days_end_with_what_is_used_now(console: Browser, api: Api) -> None:
    before = api.control("GET", f"/accounts/{ACCOUNT}").json()["licenseUsedCount"]
    api.control("POST", "/clock", {"advance": "P2D"})
    api.sign_in()
    api.assign(3)
    page = console.get(f"/pools?search={ACCOUNT}")
    points = re.findall(r"[\d.]+,([\d.]+)", re.search(r'points="([^"]+)"', page)[1])  # type: ignore[index]
    assert len(points) == 30
    assert float(points[-1]) < float(points[-2]) == float(points[-3])
    assert f"to {before + 1}" in page


def test_the_fullest_accounts_come_first_with_their_status_and_when_they_run_out(console: Browser, api: Api) -> None:
    for name, total, purchase_type in (
        ("empty", 100, "TS-HFOTA-MRC"),
        ("events", 0, "TS-HFOTA-EVNT"),
        ("over", 2, "TS-HFOTA-MRC"),
        ("full", 2, "TS-HFOTA-MRC"),
        ("slow", 200, "TS-HFOTA-MRC"),
    ):
        api.control("POST", "/accounts", {"name": name, "licenseCount": total, "purchaseType": purchase_type})
    now = {"licensedAt": "2026-03-10T12:00:00Z"}
    first = {"over": 1000, "full": 2000, "slow": 3000}
    for name, count in (("over", 2), ("full", 2), ("slow", 100)):
        lines = [{"deviceId": f"{990000000000000 + first[name] + number}", **now} for number in range(count)]
        api.control("POST", f"/accounts/{name}/devices", lines)
    api.control("PUT", f"/accounts/over/devices/{990000000001000}/upgrade", {"status": "inProgress"})
    api.control("PUT", "/accounts/over/subscription", {"licenseCount": 1})
    api.control("PUT", "/accounts/over/subscription", {"licenseCount": 0})
    api.advance("P2D")
    lines = [{"deviceId": f"{990000000003500 + number}", "licensedAt": "2026-03-12T12:00:00Z"} for number in range(50)]
    api.control("POST", "/accounts/slow/devices", lines)
    page = console.get("/accounts")
    order = [name for name in names(page) if name != ACCOUNT]
    assert order[0] == "over"
    assert order.index("full") < order.index("slow") < order.index("empty") < order.index("events")
    words = words_of(page)
    assert "full Full 100.0% 2 2 0 0 Now" in words
    assert "over Over limit" in words
    assert "slow Nearly full 75.0% 150 200 50 0 in 2 days" in words  # 50 more in 2 days
    assert "empty Active 0.0% 0 100 100 0 No growth" in words
    assert "events Active" in words
    for show, expected in (("full", ["over", "full"]), ("soon", ["slow"]), ("attention", ["over", "full", "slow"])):
        assert [name for name in names(console.get(f"/pools?show={show}")) if name != ACCOUNT] == expected
    api.control("PUT", "/accounts/empty/status", {"status": "suspended"})
    assert names(console.get("/pools?show=suspended")) == ["empty"]
    totals = words_of(console.get("/pools")).partition("All 7 accounts")[2].split()
    sums = api.control("GET", "/accounts").json()["accounts"]
    assert totals[1] == str(sum(one["licenseUsedCount"] for one in sums))
    assert "Show must be one of" in words_of(console.get("/pools?show=odd", status=400))


def test_a_new_account_needs_a_name_and_a_number(console: Browser) -> None:
    page = console.post("/pools", {"name": "no/slash", "purchaseType": "TS-HFOTA-MRC"}, status=400)
    assert "Name must be 1 to 64 letters" in words_of(page)
    page = console.post("/pools", {"name": "x", "purchaseType": "TS-HFOTA-MRC", "licenseCount": "many"}, status=400)
    assert "licenses must be a whole number" in words_of(page).replace("Licenses", "licenses")
