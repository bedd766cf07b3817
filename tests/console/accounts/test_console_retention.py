"""The page of stored data: settings, counts, and deleting what is older."""

from __future__ import annotations

import pytest
from console_helpers import Browser, notice_of, words_of

from support.helpers import Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_old_data_is_counted_and_deleted_by_admins(console: Browser, api: Api) -> None:
    page = words_of(console.get("/retention"))
    assert "Check-ins 30 days --check-in-retention-days 2026-02-08 12:00:00 0" in page
    assert "Undo of reductions unlimited --undo-retention-days \N{EN DASH} 0" in page
    assert notice_of(console.post("/retention/purge", {})) == "0 rows deleted."
    key = api.control("POST", "/operators", {"name": "guest", "role": "editor"}).json()["key"]
    guest = Browser(api, key)
    assert "Delete older data" not in guest.get("/retention")
    guest.post("/retention/purge", {}, status=403)
    assert 'href="/console/retention"' in console.get("/audit-log")
