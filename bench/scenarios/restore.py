"""Restoring a state: reset, copy of an account, and snapshot of many devices."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.support.processes import Failed
from bench.support.report import Report
from fotapool.testing import Server

RESETS, COPIES = 50, 50
COPIED_DEVICES, MAX_COPY_MS, MAX_RESET_MS = 100, 5.0, 10.0
DEVICES, QUICK_DEVICES = 100_000, 20_000
FIRST = 880_000_000_000_000
TIMEOUT_S = 300
PREPARED = "prepared"


def measure_restore(report: Report, directory: Path, rounds: int, quick: bool) -> None:
    """(i) On a separate emulator whose seed has one account."""
    seed = directory / "seed.json"
    seed.write_text(json.dumps(_seed()))
    with Server("--seed", str(seed)) as server:
        copies = _Copies(server)
        report.add_rounds(
            section="i",
            database="memory",
            name=f"a copy of an account, {COPIED_DEVICES} devices",
            values=[copies.one_ms() for _ in range(rounds)],
            unit="ms",
            at_most=MAX_COPY_MS,
        )
        resets = [_ms(RESETS, lambda: server.control.call("POST", "/reset")) for _ in range(rounds)]
        report.add_rounds(
            section="i",
            database="memory",
            name="a reset to a small seed",
            values=resets,
            unit="ms",
            at_most=MAX_RESET_MS,
        )
        _measure_snapshot(report, _caller(server), rounds, QUICK_DEVICES if quick else DEVICES)


def _measure_snapshot(report: Report, call: Callable[..., bytes], rounds: int, devices: int) -> None:
    """A snapshot whose neighboring devices all differ, so that none are stored as a run."""
    call("PUT", "/snapshot", json.dumps(_many(devices)).encode())
    data = call("GET", "/snapshot")
    taken = [_ms(1, lambda: call("GET", "/snapshot")) / 1000 for _ in range(rounds)]
    put_back = [_ms(1, lambda: call("PUT", "/snapshot", data)) / 1000 for _ in range(rounds)]
    if call("GET", "/snapshot") != data:
        raise Failed("the restored state differs from the snapshot")
    size = f"{len(data) / 1e6:.0f} MB"
    report.add_rounds(
        section="i", database="memory", name=f"a snapshot of {devices:,} devices, {size}", values=taken, unit="s"
    )
    report.add_rounds(section="i", database="memory", name="putting it back", values=put_back, unit="s")


def _caller(server: Server) -> Callable[..., bytes]:
    headers = {"Authorization": f"Bearer {server.operator_key}", "Content-Type": "application/json"}

    def call(method: str, path: str, body: bytes | None = None) -> bytes:
        url = f"{server.address}/control/v1{path}"
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer: bytes = response.read()
            return answer

    return call


def _ms(times: int, work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) * 1000 / times


class _Copies:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._made = 0

    def one_ms(self) -> float:
        return _ms(COPIES, self._copy)

    def _copy(self) -> None:
        self._made += 1
        body = {"name": f"copy-{self._made}", "users": True}
        self._server.control.call("POST", f"/accounts/{PREPARED}/copies", body)


def _seed() -> dict[str, Any]:
    run = {"first": f"{FIRST}", "count": COPIED_DEVICES, "licensed": 60}
    return {
        "clients": [{"key": "key", "secret": "secret"}],
        "users": [{"username": "user", "password": "password", "accounts": [PREPARED]}],
        "accounts": [{"name": PREPARED, "licenseCount": COPIED_DEVICES, "devices": [run]}],
    }


def _many(count: int) -> dict[str, Any]:
    chance = random.Random(1)
    devices = [
        {
            "deviceId": f"{FIRST + 2 * number}",
            "make": "Verizon",
            "model": "Model-A",
            "firmware": str(chance.randrange(3)),
            "licensed": True,
        }
        for number in range(count)
    ]
    return {"accounts": [{"name": PREPARED, "licenseCount": count, "devices": devices}]}
