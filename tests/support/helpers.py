"""What tests share: the seed of the published examples, and a client that signs in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from fotapool.app import Server

NOW_MS = 1_773_144_000_000
"""2026-03-10 12:00 UTC, where the servers' clocks stand."""
ACCOUNT = "0242078689-00001"
OTHER = "0402196254-00001"
OPERATOR = "test-operator-key"
KEY, SECRET = "demo-key", "demo-secret"
USER, PASSWORD = "zbeeblebrox", "IMgr8"
FIRST = 990000000000000

SEED: dict[str, Any] = {
    "clients": [{"key": KEY, "secret": SECRET}],
    "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT]}],
    "accounts": [
        {
            "name": ACCOUNT,
            "purchaseType": "TS-HFOTA-MRC",
            "licenseCount": 5,
            "devices": [{"first": f"{FIRST}", "count": 20, "make": "Verizon", "model": "Model-A", "firmware": "1"}],
        },
        {
            "name": OTHER,
            "purchaseType": "TS-HFOTA-MRC",
            "licenseCount": 5,
            "devices": [{"first": "880000000000000", "count": 5, "licensed": 2}],
        },
    ],
}


def seed_file(directory: Path, seed: dict[str, Any]) -> str:
    path = directory / "seed.json"
    path.write_text(json.dumps(seed))
    return str(path)


def device(number: int) -> str:
    """The seed's devices by number."""
    return f"{FIRST + number:015d}"


def devices(*numbers: int) -> list[str]:
    return [device(number) for number in numbers]


class Api:
    """A client of one server: documented calls with both tokens, operator calls with the key."""

    def __init__(self, http: httpx.Client, server: Server | None = None) -> None:
        self.http = http
        self._server = server
        self.bearer = ""
        self.session = ""

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def get_bearer(self, key: str = KEY, secret: str = SECRET) -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        return self.http.post("/api/ts/v1/oauth2/token", auth=(key, secret), data=form)

    def log_in(self, username: str = USER, password: str = PASSWORD) -> httpx.Response:
        body = {"username": username, "password": password}
        headers = {"Authorization": f"Bearer {self.bearer}"}
        return self.http.post("/api/m2m/v1/session/login", json=body, headers=headers)

    def sign_in(self) -> None:
        self.bearer = self.get_bearer().json()["access_token"]
        self.session = self.log_in().json()["sessionToken"]

    @property
    def tokens(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}", "VZ-M2M-Token": self.session}

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A documented operation; `path` is below /api/fota."""
        headers = {**self.tokens, **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.http.request(method, f"/api/fota{path}", headers=headers, **options)

    def assign(self, *numbers: int, version: int = 3, account: str = ACCOUNT) -> dict[str, Any]:
        response = self.call("POST", f"/v{version}/licenses/{account}/assign", {"deviceList": devices(*numbers)})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def remove(self, *numbers: int, version: int = 3, account: str = ACCOUNT) -> dict[str, Any]:
        response = self.call("POST", f"/v{version}/licenses/{account}/remove", {"deviceList": devices(*numbers)})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def candidates(self, *numbers: int, append: bool = False, account: str = ACCOUNT) -> list[str]:
        body: dict[str, Any] = {"deviceList": devices(*numbers)}
        if append:
            body["type"] = "append"
        response = self.call("POST", f"/v2/licenses/{account}/cancel", body)
        assert response.status_code == 200, response.text
        found: list[str] = response.json()["deviceList"]
        return found

    def licensed(self, account: str = ACCOUNT) -> list[str]:
        """Every licensed device, page by page."""
        found: list[str] = []
        cursor = "0"
        while True:
            page = self.call("GET", f"/v3/licenses/{account}?lastSeenDeviceId={cursor}").json()
            found += [row["deviceId"] for row in page["deviceList"]]
            if not page["hasMoreData"]:
                return found
            cursor = page["lastSeenDeviceId"]

    def control(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """An operator call; `path` is below /control/v1."""
        headers = {"Authorization": f"Bearer {OPERATOR}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.http.request(method, f"/control/v1{path}", headers=headers, **options)

    def subscribe(self, total: int, preview: bool = False, account: str = ACCOUNT) -> dict[str, Any]:
        query = "?preview=true" if preview else ""
        response = self.control("PUT", f"/accounts/{account}/subscription{query}", {"licenseCount": total})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def upgrade(self, number: int, *states: str, account: str = ACCOUNT) -> None:
        for state in states:
            path = f"/accounts/{account}/devices/{device(number)}/upgrade"
            response = self.control("PUT", path, {"status": state})
            assert response.status_code == 200, response.text

    def pool(self, account: str = ACCOUNT) -> dict[str, Any]:
        answer: dict[str, Any] = self.control("GET", f"/accounts/{account}").json()
        return answer

    def ledger(self, account: str = ACCOUNT, query: str = "") -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", f"/accounts/{account}/ledger{query}").json()["entries"]
        return entries

    def advance(self, duration: str) -> dict[str, Any]:
        response = self.control("POST", "/clock", {"advance": duration})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def assert_consistent(self, account: str = ACCOUNT) -> None:
        audit = self.control("GET", f"/accounts/{account}/audit").json()
        assert audit["consistent"], [check for check in audit["checks"] if not check["ok"]]
