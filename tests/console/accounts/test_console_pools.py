"""The page of all pools."""

from __future__ import annotations

import re

from console_helpers import Browser, words_of

from support.helpers import ACCOUNT, Api


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/console/accounts/([^"]+)"', page)


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
    assert 'href="?search=many&amp;order=name&amp;page=2" rel="next"' in first


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


def test_a_new_account_needs_a_name_and_a_number(console: Browser) -> None:
    page = console.post("/pools", {"name": "no/slash", "purchaseType": "TS-HFOTA-MRC"}, status=400)
    assert "Name must be 1 to 64 letters" in words_of(page)
    page = console.post("/pools", {"name": "x", "purchaseType": "TS-HFOTA-MRC", "licenseCount": "many"}, status=400)
    assert "licenses must be a whole number" in words_of(page).replace("Licenses", "licenses")
