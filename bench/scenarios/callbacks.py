"""Callbacks: delivery rate of a full outbox to one local receiver, compared with a plain client."""

from __future__ import annotations

import asyncio
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import aiohttp
import httpx
import msgspec
import uvloop

from bench.scenarios.assign import Scale
from bench.support.databases import Store, connected
from bench.support.pools import FIRST_DEVICE, Account, build
from bench.support.processes import (
    CLIENT_CORES,
    OPERATOR,
    SERVER_CORES,
    START_WITHIN_S,
    Failed,
    Server,
    pinned,
    ready_line,
    running,
)
from bench.support.report import Report, alternate, ratios
from fotapool.api.v3 import callbacks as version
from fotapool.domain.callbacks import CampaignFacts, UpgradesChanged
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.store.accounts.accounts import read_account
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.callbacks.listeners import Listener, record_listener
from fotapool.store.db.connection import Connection

LISTENERS = 20
TARGET_A_SECOND = 1_000
LANE_WITHIN_S = 300
POLL_S = 0.02
ROUNDS = 3

Messages = dict[str, list[bytes]]
"""The messages expected by each account's listener, in order."""


class _Message(msgspec.Struct):
    accountName: str


def _delivering(url: str) -> AbstractContextManager[Server]:
    """`fotapool serve` that is allowed to deliver to a local receiver."""
    command = ["-m", "fotapool.cli", "serve", "--port", "0", "--database", url, "--operator-key", OPERATOR]
    return running([sys.executable, *command, "--callback-private-targets"], ready_line)


def receiving() -> AbstractContextManager[Server]:
    """The receiver, on the client's core."""

    def ready(process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], START_WITHIN_S)
        line = process.stdout.readline() if readable else ""
        if not line.strip().isdigit():
            raise Failed("the receiver did not start")
        return int(line)

    return running([sys.executable, "-m", "bench.support.receiver", str(min(CLIENT_CORES))], ready)


def _events(account: str, count: int) -> list[UpgradesChanged]:
    """Events of devices that report one by one that their upgrade has completed."""
    campaign = CampaignFacts(
        id="f858b8c4-2153-11ec-8c44-aeb16d1aa652",
        account_name=account,
        name="Smart FOTA",
        artifact="FOTA_Verizon_Model-A_01To02_HF",
        is_file=False,
        make="Verizon",
        model="Model-A",
        from_version="VerizonFirmwareVersion-01",
        to_version="VerizonFirmwareVersion-02",
        protocol="LWM2M",
        start_date="2026-03-10",
        end_date="2026-03-20",
        start_ms=1_773_100_800_000,
        end_ms=1_774_051_200_000,
        status=int(CampaignStatus.SCHEDULED),
    )
    row = (int(UpgradeStatus.COMPLETED), int(Reason.SUCCEEDED))
    return [UpgradesChanged(campaign, ((FIRST_DEVICE + number, *row),)) for number in range(count)]


def _messages(accounts: list[Account], count: int) -> Messages:
    """The expected messages in the format of version 3; it does not depend on the listener."""
    listener = Listener(account_id=0, style=version.STYLE, url="", username=None, password=None, created_ms=0)
    return {
        account.name: [version.encode(event, listener) for event in _events(account.name, count // len(accounts))]
        for account in accounts
    }


class Outbox:
    """The outbox of one database, filled here and delivered by the server."""

    def __init__(self, connection: Connection, receiver: Server) -> None:
        self.url = f"http://127.0.0.1:{receiver.port}/callbacks"
        self._connection = connection
        self._receiver = httpx.Client(timeout=60)

    def fill(self, accounts: list[Account], count: int) -> None:
        """Records events, the same number for each account; all are due at one commit."""
        connection, now_ms = self._connection, time.time_ns() // 1_000_000
        connection.begin()
        for account in accounts:
            found = read_account(connection, account.name)
            assert found is not None
            connection.lock_pools([found.id])
            record_listener(
                connection,
                Listener(
                    account_id=found.id,
                    style=version.STYLE,
                    url=self.url,
                    username=None,
                    password=None,
                    created_ms=now_ms,
                ),
            )
            record_events(connection, found.id, _events(account.name, count // len(accounts)), now_ms)
        connection.commit()

    def wait_until_empty(self) -> None:
        deadline = time.monotonic() + LANE_WITHIN_S
        while self._connection.fetch("SELECT id FROM delivery WHERE state = 1 LIMIT 1"):
            if time.monotonic() > deadline:
                raise Failed("the callbacks were not delivered in time")
            time.sleep(POLL_S)

    def check(self, expected: Messages) -> None:
        """Raises Failed unless each message was received once, and in order within its account."""
        received: Messages = {name: [] for name in expected}
        bodies = msgspec.msgpack.decode(self._receiver.get(self.url).content, type=list[bytes])
        for body in bodies:
            received[msgspec.json.decode(body, type=_Message).accountName].append(body)
        if received != expected:
            raise Failed(f"{len(bodies)} messages came, not each once and in order")


async def _post_all(url: str, messages: Messages) -> None:
    """One client posts the messages of each account in sequence, and the accounts in parallel."""
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:

        async def post(bodies: list[bytes]) -> None:
            for body in bodies:
                async with session.post(url, data=body) as response:
                    await response.read()
                    if response.status != 200:
                        raise Failed(f"the receiver answered {response.status}")

        await asyncio.gather(*(post(bodies) for bodies in messages.values()))


class Lanes:
    """Callbacks per second: of the server, and of a plain client on the server's core."""

    def __init__(self, outbox: Outbox, server: Server, accounts: list[Account], count: int) -> None:
        self._outbox = outbox
        self._server = server
        self._accounts = accounts
        self._count = count
        self._messages = _messages(accounts, count)
        self.cpu_us: list[float] = []

    def deliver(self) -> float:
        with pinned(CLIENT_CORES):
            self._outbox.fill(self._accounts, self._count)
            cpu_s, began = self._server.cpu_s, time.perf_counter()
            self._outbox.wait_until_empty()
            seconds = time.perf_counter() - began
        self.cpu_us.append((self._server.cpu_s - cpu_s) / self._count * 1e6)
        self._outbox.check(self._messages)
        return self._count / seconds

    def post(self) -> float:
        with pinned(SERVER_CORES):
            began = time.perf_counter()
            uvloop.run(_post_all(self._outbox.url, self._messages))
            seconds = time.perf_counter() - began
        self._outbox.check(self._messages)
        return self._count / seconds


def measure_callbacks(report: Report, store: Store, scale: Scale) -> None:
    """(h) An outbox of 20,000 callbacks for one listener, and for several, to one local receiver."""
    count = 5_000 if scale.quick else 20_000
    accounts = [Account(f"bench-listener-{number}", FIRST_DEVICE + number, 0, 1) for number in range(LISTENERS + 1)]
    url = build(store, accounts)
    kinds = {"one listener": accounts[:1], f"{LISTENERS} listeners": accounts[1:]}
    with receiving() as receiver, connected(url) as connection, _delivering(url) as server:
        outbox = Outbox(connection, receiver)
        lanes = {name: Lanes(outbox, server, chosen, count) for name, chosen in kinds.items()}
        runs: dict[str, Callable[[], float]] = {}
        for name, lane in lanes.items():
            runs |= {name: lane.deliver, f"{name}, bare": lane.post}
        rates = alternate(min(scale.rounds, ROUNDS), runs)
        for name, lane in lanes.items():
            bare = rates[f"{name}, bare"]
            report.add_rounds(
                section="h",
                database=store.kind,
                name=f"callbacks to {name}",
                values=rates[name],
                unit="/s",
                at_least=TARGET_A_SECOND,
            )
            report.add_rounds(section="h", database=store.kind, name=f"bare client to {name}", values=bare, unit="/s")
            report.add_rounds("h", store.kind, f"share of the bare client, {name}", ratios(rates[name], bare))
            report.add_rounds(
                section="h", database=store.kind, name=f"processor time, {name}", values=lane.cpu_us[1:], unit="us each"
            )
        report.add_memory("h", store.kind, "serve", server.peak_mib)
    store.drop(url)
