"""The audit log in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from support.helpers import ACCOUNT, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_audit_log_is_filtered_by_its_form(api: Api, open_console: Callable[..., Any]) -> None:
    api.control("POST", "/users", {"username": "ford", "accounts": [ACCOUNT]})
    api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 9})
    api.control("DELETE", "/users/none")
    page = open_console(api)
    page.get_by_role("link", name="Audit log").click()
    page.select_option("#outcome", "refused")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(page.get_by_role("row").nth(1)).to_contain_text("user none does not exist")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename == "audit-log.csv"
