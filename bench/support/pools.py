"""Fills databases with consistent counters and ledgers, and builds requests for them."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.support.databases import Store, connected
from bench.support.processes import OPERATOR
from fotapool.core.hashing import token_hash
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import record_account
from fotapool.store.db import schema
from fotapool.store.db.connection import Connection
from fotapool.store.identity import sessions

BEARER, SESSION = "bench-bearer-token", "bench-session-token"
USER = "bench"
FIRST_DEVICE = 350_000_000_000_000
SPREAD_MS = 365 * 86_400_000
"""The licenses were assigned over a year."""
ENTRIES_A_CHANGE = 1000


@dataclass(frozen=True)
class Account:
    """An account of `licensed` licensed devices and, spread evenly among them, `spare` ones without a license."""

    name: str
    first: int
    licensed: int
    spare: int

    @property
    def devices(self) -> int:
        return self.licensed + self.spare

    def spare_devices(self) -> list[int]:
        """The devices without a license, in order."""
        count, spare = self.devices, self.spare
        return [self.first - (-place * count // spare) for place in range(spare)]

    def some_devices(self, count: int) -> list[int]:
        """Random devices, but none of the last 2,000, so that a page after one is full."""
        return self.some_devices_of(random.Random(self.first), count)

    def some_devices_of(self, chance: random.Random, count: int) -> list[int]:
        """The same, by this chance."""
        return [self.first + chance.randrange(self.devices - 2000) for _ in range(count)]


def build(store: Store, accounts: Sequence[Account]) -> str:
    """A new database with these accounts and one signed-in user."""
    url = store.create()
    now_ms = time.time_ns() // 1_000_000
    with connected(url) as connection:
        indexes = [text for text in schema.statements(connection.syntax) if " INDEX " in text]
        connection.begin_exclusive()
        for text in indexes:  # made again at the end, sorted, which is several times as fast
            connection.execute(f"DROP INDEX {text.split(' INDEX ')[1].split()[0]}")
        ids = [_fill(connection, store, account, now_ms) for account in accounts]
        sessions.record_client(connection, "bench", "", now_ms)
        sessions.record_user(connection, username=USER, password_hash="", account_ids=ids, now_ms=now_ms)
        for text in indexes:
            connection.execute(text)
        connection.commit()
    store.settle(url)
    sign_in(url)
    return url


def sign_in(url: str) -> None:
    """Signs in again."""
    now_ms = time.time_ns() // 1_000_000
    with connected(url) as connection:
        connection.begin()
        connection.execute("DELETE FROM bearer_token")
        connection.execute("DELETE FROM user_session")
        client = sessions.Client(
            key="bench", secret_hash="", of_replaced=0, token_hash=None, nonce=None, issued_ms=None, revoked=None
        )
        sessions.record_bearer(
            connection, token_hash=token_hash(BEARER), client=client, nonce=b"", now_ms=now_ms, address=""
        )
        sessions.record_session(connection, token_hash(SESSION), USER, now_ms, address="")
        connection.commit()


def _fill(connection: Connection, store: Store, account: Account, now_ms: int) -> int:
    account_id = record_account(
        connection, name=account.name, purchase_type=PurchaseType.MRC, total=account.devices, now_ms=now_ms
    )
    count, spare, licensed = account.devices, account.spare, account.licensed
    numbers = store.numbers.format(count=count)
    connection.execute(
        "INSERT INTO device (account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms)"
        f" SELECT {account_id}, {account.first} + i, 'Verizon', 'Model-A', 'VerizonFirmwareVersion-01', 'LWM2M', '',"
        f" 'Active', {now_ms}, {now_ms} FROM {numbers} n"
    )
    if licensed:
        # The i-th device is the licensed one of rank i - i * spare / count - 1; its place in time is shuffled.
        factor = next(number for number in range(int(licensed * 0.618) | 1, 10**9) if math.gcd(number, licensed) == 1)
        rank = f"(i - i * {spare} / {count} - {1 if spare else 0})"
        start_ms, step_ms = now_ms - SPREAD_MS, max(1, SPREAD_MS // licensed)
        connection.execute(
            "INSERT INTO license (account_id, imei, assigned_ms, place, state)"
            f" SELECT {account_id}, imei, {start_ms} + place * {step_ms}, place, 0 FROM"
            f" (SELECT {account.first} + i AS imei, {rank} * {factor} % :licensed + 1 AS place FROM {numbers} n"
            f" WHERE i * {spare} % :count >= {spare}) l",
            {"licensed": licensed, "count": count},
        )
        _fill_ledger(connection, store, account_id, licensed)
    return account_id


def _fill_ledger(connection: Connection, store: Store, account_id: int, licensed: int) -> None:
    connection.execute(
        "INSERT INTO ledger_entry (account_id, number, change_number, imei, kind, used_after)"
        f" SELECT account_id, place, (place - 1) / {ENTRIES_A_CHANGE} + 1, imei, 1, place FROM license"
        f" WHERE account_id = {account_id} ORDER BY place"
    )
    changes = -(-licensed // ENTRIES_A_CHANGE)
    connection.execute(
        "INSERT INTO pool_change (account_id, number, at_ms, actor, request_id, verb, detail)"
        f" SELECT {account_id}, i + 1, (SELECT min(e.assigned_ms) FROM license e WHERE e.account_id = {account_id}),"
        f" 'bench', 'bench', 'assign', '{{}}' FROM {store.numbers.format(count=changes)} n"
    )
    connection.execute(
        f"UPDATE license_pool SET used = {licensed}, entries = {licensed}, changes = {changes}"
        f" WHERE account_id = {account_id}"
    )
    connection.execute(f"UPDATE pool_level SET used = {licensed}, entries = {licensed} WHERE account_id = {account_id}")


def _request(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    length = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
    all_headers = {"Host": "127.0.0.1", "User-Agent": "bench", "Accept": "*/*", **headers, **length}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def user_request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A request of the signed-in user."""
    tokens = {"Authorization": f"Bearer {BEARER}", "VZ-M2M-Token": SESSION}
    return _request(method, path, body, {**tokens, **(headers or {})})


def operator_request(method: str, path: str, body: bytes = b"") -> bytes:
    """A request of the operator whose key the benchmark's servers have."""
    return _request(method, path, body, {"Authorization": f"Bearer {OPERATOR}"})


def assign_request(account: str, devices: Sequence[int], key: str = "") -> bytes:
    """An assignment, with an Idempotency-Key if one is given."""
    body = json.dumps({"deviceList": [f"{device:015d}" for device in devices]}).encode()
    headers = {"Idempotency-Key": key} if key else {}
    return user_request("POST", f"/api/fota/v3/licenses/{account}/assign", body, headers)


def page_request(account: str, after: int) -> bytes:
    return user_request("GET", f"/api/fota/v3/licenses/{account}?lastSeenDeviceId={after:015d}")


def in_groups(devices: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(devices) - size + 1, size):
        yield list(devices[start : start + size])


def shuffled(devices: list[int]) -> list[int]:
    random.Random(1).shuffle(devices)
    return devices
