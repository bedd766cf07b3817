"""The audit log in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
    assert page.get_by_role("rowheader").count() == 1
    assert "user none does not exist" in page.get_by_role("row").nth(1).inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename == "audit-log.csv"
