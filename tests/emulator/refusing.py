"""Reads the tables of wrong requests in `refusals/`, and sends their requests to an emulator.

A row is `code | headers | request | body | hint`. `$NAMES` stand for what the emulator made. The code is that of an
error, or a status where no operation is reached. Headers are `-` for both tokens, `no tokens`, `no session`, `client`
for the client's key and secret, or one header that replaces its like. The hint `advice` is the advice on the code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl

import httpx

from api.campaigning import CAMPAIGN_SEED, HTTP, LWM2M, NOWHERE, TODAY, imeis, schedule
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, USER, Api

TABLES = Path(__file__).parent / "refusals"
SECOND, SUSPENDED = "second", "0000000001-00001"
MAX_DEVICES, MAX_BODY_BYTES, MAX_FILE_BYTES = 24, 4096, 64
SETTINGS = {
    "max_devices_per_request": MAX_DEVICES,
    "max_body_bytes": MAX_BODY_BYTES,
    "max_file_bytes": MAX_FILE_BYTES,
}
SEED: dict[str, Any] = {
    **CAMPAIGN_SEED,
    "clients": [*CAMPAIGN_SEED["clients"], {"key": SECOND, "secret": SECRET}],
    "users": [{"username": USER, "password": PASSWORD, "accounts": [ACCOUNT, SUSPENDED]}],
    "accounts": [*CAMPAIGN_SEED["accounts"], {"name": SUSPENDED, "licenseCount": 1}],
}


@dataclass(frozen=True)
class Row:
    """A wrong request, why it is rejected, and the hint."""

    code: str
    headers: str
    method: str
    path: str
    body: str
    hint: str

    @property
    def api(self) -> str:
        """`v1`, `v2` or `v3`, or `sign-in`."""
        return self.path[1:3] if self.path[:2] == "/v" and self.method else "sign-in"

    @property
    def url(self) -> str:
        return self.path if self.path.startswith("/api/") or self.code == "404" else f"/api/fota{self.path}"


def rows(table: str) -> list[Row]:
    found = []
    for line in (TABLES / f"{table}.txt").read_text().splitlines():
        code, headers, request, body, hint = (part.strip() for part in line.split(" | "))
        found.append(Row(code, headers, *request.split(" ", 1), body, hint))
    return found


def prepare(api: Api) -> dict[str, str]:
    """Makes campaigns, tokens, a file and logs, and returns the values of the names."""
    values = {"A": ACCOUNT, "SUSPENDED": SUSPENDED, "NOWHERE": NOWHERE}
    values |= {"EXPIRED_BEARER": api.bearer, "EXPIRED_SESSION": api.session}
    values["RUNNING"] = schedule(api, 2, startDate=TODAY)
    api.advance("PT61M")
    api.sign_in()
    values["REVOKED"] = api.get_bearer(SECOND).json()["access_token"]
    api.http.post("/api/ts/v1/oauth2/revoke", auth=(SECOND, SECRET), data={"token": values["REVOKED"]})
    values |= {"BEARER": api.bearer, "SESSION": api.session}
    for name in ("CANCELED", "CANCELED_TOO", "QUEUED"):
        values[name] = schedule(api, 3)
        if name != "QUEUED":
            api.call("DELETE", f"/v3/campaigns/{ACCOUNT}/{values[name]}")
    api.control("PUT", f"/accounts/{SUSPENDED}/status", {"status": "suspended"})
    assert api.call("PUT", f"/v2/logging/{ACCOUNT}/devices", {"deviceIds": imeis(HTTP, 20)}).status_code == 200
    form = {"fileVersion": "0", "make": "Verizon", "model": "Model-H", "localTargetPath": "/x"}
    assert api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files={"fileupload": ("f", b"1")}).status_code == 200
    values |= {"DEVICES_21": json.dumps(imeis(LWM2M, 21)), "DEVICES_25": json.dumps(imeis(LWM2M, 25))}
    values |= {"DEVICES_H21": json.dumps(imeis(HTTP, 21))}
    assert api.call("DELETE", f"/v3/callbacks/{ACCOUNT}", headers={"Idempotency-Key": "used"}).status_code == 200
    return values | {"HUGE": " " * (MAX_BODY_BYTES + 1), "GIANT": " " * (64 * 1024 + 1)}


def send(api: Api, row: Row, values: dict[str, str]) -> httpx.Response:
    """Sends the request of a row."""
    url, body = (Template(text).substitute(values) for text in (row.url, row.body))
    headers, options = dict(api.tokens), _body(body)
    for given in row.headers.split("; "):
        if given == "no tokens":
            headers.clear()
        elif given == "no session":
            del headers["VZ-M2M-Token"]
        elif given == "client":
            options["auth"] = (KEY, SECRET)
        elif given != "-":
            name, _, value = Template(given).substitute(values).partition(":")
            headers[name] = value.strip()
    return api.http.request(row.method, url, headers=headers, **options)


def _body(text: str) -> dict[str, Any]:
    if not text.startswith("upload: "):
        return {"content": text.encode()}
    form = dict(parse_qsl(text.removeprefix("upload: ")))
    content = b"x" * int(form.pop("bytes", 1))
    return {"files": {form.pop("part", "fileupload"): ("f", content)}, "data": form}
