"""Assigning and removing by a list: what its pages show, each change, each refusal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from console_helpers import Browser, notice_of, words_of

from fotapool.services.licenses import bulk_jobs
from support.helpers import ACCOUNT, Api, device, devices

PAGE = f"/accounts/{ACCOUNT}/licenses"


def path_of(page: str) -> str:
    """The list's own page, below /console, from its forms or links."""
    found = re.search(rf"/console({PAGE}/jobs/[0-9a-f-]+)", page)
    assert found is not None
    return found[1]


def give(console: Browser, text: str, verb: str = "assign", status: int = 200, **options: Any) -> str:
    return console.post(PAGE, {"verb": verb, "list": text}, status, **options)


def result_of(console: Browser, path: str) -> list[tuple[str, str]]:
    rows = list(csv.DictReader(io.StringIO(console.get(f"{path}/result.csv"))))
    return [(row["deviceId"], row["outcome"]) for row in rows]


def test_a_list_is_checked_first_and_the_check_changes_nothing(console: Browser, api: Api) -> None:
    api.assign(0, 1)
    page = give(console, "\n".join([*devices(0, 2, 3, 4, 5), "123456789012345", device(2), "not an imei"]))
    words = words_of(page)
    assert "Assign licenses to 6 devices, by operator" in words
    assert "3 get a license" in words
    assert "1 already have a license" in words
    assert "1 get no license: none available" in words
    assert "1 are not devices of this account" in words
    assert "have a wrong check digit warning" in words
    assert "Line 8: 'not an imei' is not an IMEI" in words
    assert f"{device(2)} is already in line 2" in words
    assert "Assign 3 licenses" in words
    assert api.licensed() == devices(0, 1)
    assert words_of(console.get(path_of(page))) == words


def test_a_checked_list_is_carried_out_and_leaves_a_result_file_and_a_ledger_that_names_who(
    console: Browser, api: Api
) -> None:
    api.assign(0)
    path = path_of(give(console, "\n".join([*devices(0, 3, 2, 4, 5, 6), "123456789012345", "x"])))
    page = words_of(console.post(f"{path}/start", {}))
    assert "Completed at" in page
    assert "4 assigned" in page
    assert api.licensed() == devices(0, 2, 3, 4, 5)
    assert result_of(console, path) == [
        (device(0), "preexisting"),
        *[(one, "assigned") for one in devices(3, 2, 4, 5)],
        (device(6), "no_free_license"),
        ("123456789012345", "device_not_found"),
        ("", "left_out"),
    ]
    entry = api.ledger()[-1]
    assert (entry["actor"], entry["request"]) == ("operator", "assign")
    assert path.endswith(entry["requestId"])
    api.assert_consistent()
    assert "Line 8: 'x'" in page
    assert "123456789012345 not a device of this account" in page


def test_what_failed_is_a_file_to_fix_and_send_again(console: Browser, api: Api) -> None:
    lines = ["Site;IMEI", *(f"Köln;{one}" for one in devices(0, 1, 2, 3, 4, 5)), "Bonn;9.9E+14"]
    file = ("mine.csv", "\r\n".join(lines).encode("cp1252"), "text/csv")
    page = console.post(PAGE, {"verb": "assign"}, files={"file": file})
    assert "Columns ignored: Site. The file is not UTF-8 and was read as Windows-1252." in notice_of(page)
    assert "Excel has shortened" in words_of(page)
    path = path_of(page)
    assert [row["Site"] for row in csv.DictReader(io.StringIO(console.get(f"{path}/failed.csv")))] == ["Bonn"]
    assert "Download failed lines" in console.post(f"{path}/start", {})
    text = console.get(f"{path}/failed.csv")
    assert [(row["line"], row["value"], row["deviceId"]) for row in csv.DictReader(io.StringIO(text))] == [
        ("", device(5), device(5)),
        ("8", "9.9E+14", "9.9E+14"),
    ]
    api.subscribe(6)
    page = give(console, text.replace(",9.9E+14,Bonn", f",{device(4)},Bonn"))
    console.post(f"{path_of(page)}/start", {})
    assert api.licensed() == devices(0, 1, 2, 3, 4, 5)


def test_nothing_failed_is_no_file(console: Browser) -> None:
    path = path_of(give(console, device(0)))
    assert "Download failed lines" not in console.post(f"{path}/start", {})


def test_licenses_are_removed_by_a_csv_file_and_what_may_not_go_stays(console: Browser, api: Api) -> None:
    api.assign(0, 1, 2)
    api.upgrade(1, "scheduled", "inProgress")
    api.upgrade(2, "scheduled")
    file = ("mine.csv", "name,deviceId\n" + "".join(f"x,{one}\n" for one in devices(0, 1, 2, 3)), "text/csv")
    page = console.post(PAGE, {"verb": "remove"}, files={"file": file})
    assert "2 lose their license" in words_of(page)
    assert "keep their license: upgrade in progress" in words_of(page)
    path = path_of(page)
    console.post(f"{path}/start", {})
    assert api.licensed() == devices(1)
    assert [outcome for _, outcome in result_of(console, path)] == [
        "removed",
        "upgrade_in_progress",
        "removed",
        "no_license",
    ]
    api.assert_consistent()


def mark_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(mark)" value="([^"]*)"', page))


@pytest.mark.parametrize("verb", ["assign", "remove"])
def test_a_list_whose_preview_does_not_hold_any_more_is_not_started(console: Browser, api: Api, verb: str) -> None:
    api.assign(0, 1)
    page = give(console, "\n".join(devices(0, 1, 2)), verb)
    path = path_of(page)
    api.remove(0)
    api.assign(2)  # the counts are the same as before
    new = console.post(f"{path}/start", mark_of(page), 409)
    assert "The account has changed since the preview. Nothing was changed." in words_of(new)
    assert api.licensed() == devices(1, 2)
    assert mark_of(new) != mark_of(page)
    console.post(f"{path}/start", mark_of(new))
    assert api.licensed() == (devices(0, 1, 2) if verb == "assign" else [])
    api.assert_consistent()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no list: paste it, or choose a file."),
        ("nothing\n here", "The list holds no IMEI (line 1: 'nothing' is not an IMEI of 15 digits)"),
    ],
)
def test_a_list_without_a_device_is_refused_with_what_was_typed(console: Browser, text: str, words: str) -> None:
    page = give(console, text, status=400)
    assert words in words_of(page)
    assert text in page


def test_removing_many_licenses_is_confirmed_by_their_number(
    console: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.licenses.licenses.CONFIRMED_FROM", 2)
    api.assign(0, 1, 2)
    page = give(console, "\n".join(devices(0, 1)), verb="remove")
    assert "Type 2 to confirm" in words_of(page)
    start = f"{path_of(page)}/start"
    for given in ({}, {"confirm": "3"}):
        refused = words_of(console.post(start, {**mark_of(page), **given}, 400))
        assert "Nothing was changed. To confirm, type the number of licenses to remove: 2." in refused
    console.post(start, {}, 400)
    assert api.licensed() == devices(0, 1, 2)
    console.post(start, {**mark_of(page), "confirm": "2"})
    assert api.licensed() == devices(2)
    assert "to confirm" not in words_of(give(console, device(2), verb="remove"))


def test_a_list_that_is_too_long_and_two_lists_at_once_are_refused(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "MAX_BULK_DEVICES", 2)
    assert "split it" in words_of(give(console, "\n".join(devices(0, 1, 2)), status=400))
    both = console.post(PAGE, {"verb": "assign", "list": device(0)}, 400, files={"file": ("a.csv", device(1))})
    assert "send only one of them" in words_of(both)
    assert "choose whether to assign" in words_of(give(console, device(0), verb="x", status=400)).lower()


def test_a_list_can_be_discarded_and_is_still_listed(console: Browser, api: Api) -> None:
    path = path_of(give(console, device(0)))
    assert "draft, not started" in words_of(console.get(PAGE))
    page = console.post(f"{path}/stop", {})
    assert notice_of(page) == "List discarded. No license was changed."
    assert "discarded" in words_of(page)
    assert "he bulk job has ended already" in words_of(console.post(f"{path}/stop", {}, 409))
    assert "was started before" in words_of(console.post(f"{path}/start", {}, 409))
    assert result_of(console, path) == [(device(0), "waiting")]
    assert api.licensed() == []


def test_an_account_has_so_many_lists_that_wait_and_no_more(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MAX_OPEN", 1)
    path = path_of(give(console, device(0)))
    page = give(console, device(1), status=409)
    assert "start or cancel some" in words_of(page)
    assert device(1) in page
    console.post(f"{path}/stop", {})
    give(console, device(1))


def test_a_list_of_another_account_or_none_is_not_found(console: Browser) -> None:
    path = path_of(give(console, device(0)))
    foreign = path.replace(ACCOUNT, "0402196254-00001")
    assert "such bulk job: jobs are deleted" in words_of(console.get(foreign, 404))
    console.post(f"{foreign}/start", {}, 404)
    console.get(f"{PAGE}/jobs/nothing", 404)


def test_a_long_list_goes_on_by_itself_and_can_be_stopped(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "STEP_DEVICES", 4)
    monkeypatch.setattr("fotapool.worker.bulk_jobs.TICK_S", 3600.0)
    api = start()
    console = Browser(api)
    path = path_of(give(console, "\n".join(devices(*range(10)))))
    page = console.post(f"{path}/start", {})
    assert "4 of 10 done" in words_of(page)
    assert 'hx-trigger="every 1s"' in page
    assert "running, 4 done" in words_of(console.get(PAGE))
    assert [outcome for _, outcome in result_of(console, path)] == ["assigned"] * 4 + ["waiting"] * 6
    page = console.post(f"{path}/stop", {})
    assert "after 4 of 10 devices" in words_of(page)
    assert "every 1s" not in page
    assert api.licensed() == devices(0, 1, 2, 3)


def test_the_worker_completes_long_lists(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "STEP_DEVICES", 4)
    monkeypatch.setattr("fotapool.worker.bulk_jobs.TICK_S", 0.01)
    api = start()
    console = Browser(api)
    path = path_of(give(console, "\n".join(devices(*range(10)))))
    page = console.post(f"{path}/start", {})
    while "You can leave this page. <a" in page:
        page = console.get(path)
    assert "5 assigned" in words_of(page)
    assert "5 no license is free" in words_of(page)
    assert len(api.ledger()) == 5
    api.assert_consistent()


def test_a_list_of_many_devices_is_checked_by_a_request_of_its_own(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fotapool.console.licenses.licenses.CHECKED_AT_ONCE", 2)
    page = give(console, "\n".join(devices(0, 1, 2)))
    assert "Checking 3 devices" in words_of(page)
    assert 'hx-trigger="load"' in page
    assert "3 get a license" in words_of(console.get(f"{path_of(page)}?check=1"))


def test_jobs_are_purged_after_a_month_and_drafts_after_a_day(console: Browser, api: Api) -> None:
    checked, done = path_of(give(console, device(0))), path_of(give(console, device(1)))
    console.post(f"{done}/start", {})
    purge(api)
    console.get(checked)
    api.advance("P2D")
    purge(api)
    console.get(checked, 404)
    console.get(done)
    api.advance("P30D")
    purge(api)
    console.get(done, 404)
    assert "No jobs yet" in words_of(console.get(PAGE))


def purge(api: Api) -> None:
    """Runs the purge that the worker runs every ten minutes."""
    import asyncio

    from fotapool.core.clock import FixedClock
    from fotapool.services.context import Context
    from fotapool.store.db.reader import Reader
    from fotapool.store.db.writer import Writer

    async def run() -> None:
        clock = FixedClock(api.server.clock.now_ms())
        database = api.server.database
        context = Context(api.server.settings, clock, Reader(database), Writer(database, clock.now_ms))
        await bulk_jobs.purge_jobs(context)
        await context.writer.stop()
        context.reader.stop()

    asyncio.run(run())


def test_a_viewer_sees_jobs_and_creates_none(console: Browser, api: Api) -> None:
    path = path_of(give(console, device(0)))
    key = api.control("POST", "/operators", {"name": "ford", "role": "viewer"}).json()["key"]
    ford = Browser(api, key)
    assert "Your role is Viewer" in words_of(ford.get(PAGE))
    page = ford.get(path)
    assert "1 get a license" in words_of(page)
    assert "<button" not in page[page.index('id="check"') :]
    ford.post(PAGE, {"verb": "assign", "list": device(1)}, 403)
    ford.post(f"{path}/start", {}, 403)
    assert api.licensed() == []
