"""Costs of a test suite: start of the emulator and of moto's server, an account per test, a thousand small tests."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from bench.scenarios.alternatives import installed_moto
from bench.scenarios.assign import Scale
from bench.scenarios.restore import measure_restore
from bench.support.processes import START_WITHIN_S, Failed, free_port
from bench.support.report import Report, alternate, ratios
from fotapool.testing import Server

ACCOUNTS = 200
TESTS = 1_000
LOOK_EVERY_S = 0.002
MAX_START_S, MAX_START_RATIO, MAX_ACCOUNT_MS, MAX_SUITE_S = 1.0, 0.7, 5.0, 20.0
SUITE = f"""
import pytest

@pytest.mark.parametrize("number", range({TESTS}))
@pytest.mark.fotapool(licenses=5, devices=5)
def test_one(fotapool, number):
    fotapool.assign(fotapool.devices[0])
    fotapool.advance("PT1M")
    fotapool.assert_pool(used=1, free=4)
"""


AS_IOT = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/iot/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
}
"""Headers that make moto treat a request as AWS IoT, so that it reads its state, as fotapool reads its database."""


def time_to_first_answer(command: Sequence[str], port: int, path: str, headers: dict[str, str]) -> float:
    """Seconds from the start of the process to the response to a request that reads its state."""
    began = time.perf_counter()
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < START_WITHIN_S:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
                urllib.request.urlopen(request, timeout=START_WITHIN_S).close()
                return time.perf_counter() - began
            time.sleep(LOOK_EVERY_S)
        raise Failed(f"{command[0]} did not start")
    finally:
        process.terminate()
        process.wait()


def measure_test_suite(report: Report, scale: Scale, directory: Path) -> None:
    """(i) The costs of a test suite."""
    _measure_start(report, scale, directory)
    with Server() as server:
        server.account()
        report.add_rounds(
            section="i",
            database="memory",
            name="an account of its own, 10 devices",
            values=[_accounts_ms(server) for _ in range(scale.rounds)],
            unit="ms",
            at_most=MAX_ACCOUNT_MS,
        )
    measure_restore(report, directory, scale.rounds, scale.quick)
    _measure_suite(report, directory)


def _measure_start(report: Report, scale: Scale, directory: Path) -> None:
    ours = [sys.executable, "-m", "fotapool.cli", "emulate", "--port"]
    lanes = {"fotapool": lambda: time_to_first_answer(ours, free_port(), "/health/ready", {})}
    try:
        moto = [installed_moto(directory / "moto-for-start"), "-m", "moto.server", "-H", "127.0.0.1", "-p"]
        lanes["moto"] = lambda: time_to_first_answer(moto, free_port(), "/things", AS_IOT)
    except Failed as error:
        report.note(f"moto is not available: {error}")
    seconds = alternate(scale.rounds, lanes)
    report.add_rounds(
        section="i",
        database="memory",
        name="emulate, start to first answer",
        values=seconds["fotapool"],
        unit="s",
        at_most=MAX_START_S,
    )
    if "moto" in seconds:
        report.add_rounds(
            section="i", database="", name="moto's server, start to first answer", values=seconds["moto"], unit="s"
        )
        against = ratios(seconds["fotapool"], seconds["moto"])
        report.add_rounds("i", "memory", "start as a multiple of moto's", against, at_most=MAX_START_RATIO)


def _accounts_ms(server: Server) -> float:
    began = time.perf_counter()
    for _ in range(ACCOUNTS):
        server.account()
    return (time.perf_counter() - began) * 1000 / ACCOUNTS


def _measure_suite(report: Report, directory: Path) -> None:
    place = directory / "suite"
    place.mkdir()
    (place / "test_suite.py").write_text(SUITE)
    (place / "pytest.ini").write_text("[pytest]\n")
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if f"{TESTS} passed" not in done.stdout:
        raise Failed(f"the suite failed: {done.stdout[-2000:]}")
    report.add_rounds(
        section="i",
        database="memory",
        name=f"{TESTS:,} tests that assign, advance and look",
        values=[seconds],
        unit="s",
        at_most=MAX_SUITE_S,
    )
