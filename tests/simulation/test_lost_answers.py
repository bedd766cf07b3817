"""A server is killed after the commit: the client that repeats its change with its key gets the first answer."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from processes import Process

from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from support.helpers import Api
from support.ledgers import assert_ledger_adds_up, client_of, imei, write_seed
from support.processes import wait_until

LICENSES, DEVICES = 5, 20
ACCOUNT = "account-0"


def request_of(api: Api, devices: list[str]) -> httpx.Request:
    headers = {**api.tokens, "Idempotency-Key": "one-change"}
    path = f"/api/fota/v3/licenses/{ACCOUNT}/assign"
    return api.http.build_request("POST", path, json={"deviceList": devices}, headers=headers)


def send_and_read_nothing(request: httpx.Request) -> socket.socket:
    """Sends the request, and leaves its answer in the connection."""
    url = urlsplit(str(request.url))
    head = f"POST {url.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    connection = socket.create_connection((url.hostname or "", url.port or 0))
    connection.sendall(head.encode() + b"\r\n" + request.content)
    return connection


def has_change(connection: Connection) -> bool:
    found = connection.fetch("SELECT count(*) FROM idempotency_key WHERE key = 'one-change'")
    return bool(found[0][0])


def test_a_change_whose_answer_a_crash_took_is_not_made_again(database_url: str, tmp_path: Path) -> None:
    process = Process(tmp_path, database_url, "--seed", write_seed(tmp_path, LICENSES, DEVICES))
    process.wait_until_ready()
    devices = [imei(ACCOUNT, number) for number in range(LICENSES + 2)]
    with client_of(process.address) as api, closing(open_database(database_url, durable=True).connect()) as connection:
        lost = send_and_read_nothing(request_of(api, devices))
        wait_until(lambda: has_change(connection), "the change is committed")
        process.kill()
        lost.close()
        tokens = api
    process = Process(tmp_path, database_url)
    process.wait_until_ready()
    try:
        with client_of(process.address, tokens) as api:
            answers = [api.http.send(request_of(api, devices)) for _ in range(2)]
            assert [answer.headers.get("idempotency-replayed") for answer in answers] == ["true", "true"]
            assert answers[0].content == answers[1].content
            rows = answers[0].json()["deviceList"]
            assert [row["resultReason"] for row in rows] == ["Success"] * 5 + ["No unused license available."] * 2
            assert len(assert_ledger_adds_up(api, ACCOUNT)) == LICENSES
    finally:
        process.kill()
