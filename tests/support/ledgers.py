"""Accounts with devices of their own, requests that change their licenses, and what their ledgers say of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from support.helpers import KEY, PASSWORD, SECRET, USER, Api
from support.processes import NO_AUTHORITIES

ACCOUNTS = [f"account-{number}" for number in range(10)]


def seed(licenses: int, devices: int) -> dict[str, Any]:
    """Accounts 0 to 9, with devices of their own, all of one user."""
    return {
        "clients": [{"key": KEY, "secret": SECRET}],
        "users": [{"username": USER, "password": PASSWORD, "accounts": ACCOUNTS}],
        "accounts": [
            {"name": name, "licenseCount": licenses, "devices": [{"first": imei(name, 0), "count": devices}]}
            for name in ACCOUNTS
        ],
    }


def imei(account: str, number: int) -> str:
    return f"{700_000_000_000_000 + int(account.rsplit('-', 1)[1]) * 1_000_000 + number:015d}"


def write_seed(directory: Path, licenses: int, devices: int) -> str:
    path = directory / "seed.json"
    path.write_text(json.dumps(seed(licenses, devices)))
    return str(path)


@contextlib.contextmanager
def client_of(address: str, signed_in: Api | None = None) -> Iterator[Api]:
    """A client on connections of its own; with the tokens of another one if given."""
    with httpx.Client(base_url=address, timeout=300, trust_env=False, verify=NO_AUTHORITIES) as http:
        api = Api(http)
        if signed_in is None:
            api.sign_in()
        else:
            api.bearer, api.session = signed_in.bearer, signed_in.session
        yield api


Request = tuple[str, str, Any]
"""Method, path and body."""
Answer = tuple[int, Any]


def license_request(verb: str, version: int, account: str, devices: list[str]) -> Request:
    return "POST", f"/api/fota/v{version}/licenses/{account}/{verb}", {"deviceList": devices}


def subscription_request(account: str, total: int) -> Request:
    return "PUT", f"/control/v1/accounts/{account}/subscription", {"licenseCount": total}


def successes(answer: Any) -> list[str]:
    """The devices whose license this answer to an assign or a remove says has changed, in any dialect."""
    rows = answer["deviceList"]
    return [row["deviceId"] for row in rows if row.get("Reason", row.get("resultReason")) == "Success"]


def whole_ledger(api: Api, account: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while page := api.ledger(account, f"?limit=1000&after={entries[-1]['number'] if entries else 0}"):
        entries += page
    return entries


def assert_ledger_adds_up(api: Api, account: str) -> list[dict[str, Any]]:
    """Each entry goes on where the one before ended, and the last one says what the pool says."""
    api.assert_consistent(account)
    entries = whole_ledger(api, account)
    used = 0
    for number, entry in enumerate(entries, start=1):
        assert (entry["number"], entry["usedBefore"]) == (number, used)
        used = entry["usedAfter"]
    pool = api.pool(account)
    assert used == pool["licenseUsedCount"] == len(api.licensed(account))
    assert used - pool["underNotice"] <= pool["licenseCount"]
    return entries
