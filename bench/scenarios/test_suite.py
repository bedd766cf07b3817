"""Costs of a test suite: start of the emulator and of moto's server, the plugin, an account per test, small tests."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.scenarios.alternatives import installed_moto
from bench.scenarios.assign import Scale
from bench.scenarios.restore import measure_restore
from bench.support.processes import START_WITHIN_S, Failed, free_port
from bench.support.report import Figure, Report, alternate, ratios
from fotapool.testing import Server

ROOT = Path(__file__).parents[2]
ACCOUNTS = 200
TESTS = 1_000
LOOK_EVERY_S = 0.002
MAX_START_S, MAX_START_RATIO, MAX_ACCOUNT_MS, MAX_SUITE_S = 1.0, 0.5, 3.0, 15.0
MAX_SUITE_RATIO = 0.85
"""Of another tree's time for the same suite."""
SUITE_ROUNDS = 3
PLUGIN_STARTS, MAX_PLUGIN_MS = 10, 30.0
INTERCEPTED, BLOCK, MAX_INTERCEPT_MS = 200, 10, 0.2
VENDOR = "https://thingspace.verizon.com"
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


def measure_test_suite(report: Report, scale: Scale, directory: Path, other_tree: Path | None) -> None:
    """(i) The costs of a test suite; that of many small tests also in another source tree."""
    _measure_start(report, scale, directory)
    _measure_plugin(report, scale, directory)
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
    _measure_intercept(report, scale, directory)
    measure_restore(report, directory, scale.rounds, scale.quick)
    _measure_suite(report, directory, other_tree)


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


def _measure_plugin(report: Report, scale: Scale, directory: Path) -> None:
    """What pytest's start takes with the plugin, in a suite that does not use it, over a start with an empty plugin.

    Looking a plugin up among all installed packages takes longer than importing this one.
    """
    place = directory / "empty-suite"
    place.mkdir()
    (place / "test_nothing.py").write_text("def test_nothing(): pass\n")
    (place / "empty_plugin.py").write_text("")
    (place / "pytest.ini").write_text("[pytest]\n")

    empty, ours = "empty_plugin", "fotapool.testing.plugin"
    cpu: dict[str, list[float]] = {empty: [], ours: []}

    def start(plugin: str) -> float:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", plugin]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        began, cpu_s = time.perf_counter(), _children_s()
        subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
        cpu[plugin].append((_children_s() - cpu_s) * 1000)
        return (time.perf_counter() - began) * 1000

    lanes = {empty: lambda: start(empty), ours: lambda: start(ours)}
    found = alternate(scale.rounds * PLUGIN_STARTS, lanes)
    name = "pytest, a start with an empty plugin"
    report.add_rounds(section="i", database="", name=name, values=found[empty], unit="ms")
    for label, times, at_most in (("", found, MAX_PLUGIN_MS), (", processor time", cpu, None)):
        added = statistics.median(times[ours]) - statistics.median(times[empty])
        report.add(
            Figure("i", "", f"the plugin adds to pytest's start{label}", value=added, unit="ms", at_most=at_most)
        )


def _children_s() -> float:
    """Processor time of all processes that this one has started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure_intercept(report: Report, scale: Scale, directory: Path) -> None:
    """What `intercept()` adds to a request, on a connection that is kept and on a new one for each."""
    with Server(tls=True, directory=str(directory)) as server:
        trusted = ssl.create_default_context(cafile=server.ca_file)
        for label, keep in (("on a kept connection", 1), ("on a new connection", 0)):
            limits = httpx.Limits(max_keepalive_connections=keep)
            with (
                httpx.Client(base_url=server.address, verify=trusted, limits=limits, trust_env=False) as plain,
                httpx.Client(base_url=VENDOR, verify=trusted, limits=limits, trust_env=False) as vendor,
            ):
                times = _interleaved(server, plain, vendor, scale.rounds)
            for place, (what, at_most) in enumerate((("", MAX_INTERCEPT_MS), (", processor time", None))):
                middle = [statistics.median(one[place] for one in times[kind]) for kind in ("with", "without")]
                name = f"intercept() adds to a request {label}{what}"
                report.add(Figure("i", "memory", name, value=middle[0] - middle[1], unit="ms", at_most=at_most))


def _interleaved(
    server: Server, plain: httpx.Client, vendor: httpx.Client, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """The times (ms) and this thread's processor times of requests, in alternating blocks of BLOCK."""
    times: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    for _ in range(rounds * INTERCEPTED // BLOCK):
        times["without"] += [_request_ms(plain) for _ in range(BLOCK)]
        with server.intercept():
            times["with"] += [_request_ms(vendor) for _ in range(BLOCK)]
    return times


def _request_ms(client: httpx.Client) -> tuple[float, float]:
    began, thread_s = time.perf_counter(), time.thread_time()
    client.get("/health/live").raise_for_status()
    return (time.perf_counter() - began) * 1000, (time.thread_time() - thread_s) * 1000


def _measure_suite(report: Report, directory: Path, other_tree: Path | None) -> None:
    place = directory / "suite"
    place.mkdir()
    (place / "test_suite.py").write_text(SUITE)
    (place / "pytest.ini").write_text("[pytest]\n")
    cpu: dict[Path, list[float]] = {}
    lanes = {"this": lambda: _suite_s(place, ROOT, cpu)}
    if other_tree is not None:
        lanes["other"] = lambda: _suite_s(place, other_tree, cpu)
    seconds = alternate(SUITE_ROUNDS, lanes)
    report.add_rounds(
        section="i",
        database="memory",
        name=f"{TESTS:,} tests that assign, advance and look",
        values=seconds["this"],
        unit="s",
        at_most=MAX_SUITE_S,
    )
    _report_cpu(report, cpu[ROOT], "its processor time, with the server's")
    if other_tree is not None:
        name = "the same in the other tree"
        report.add_rounds(section="i", database="memory", name=name, values=seconds["other"], unit="s")
        _report_cpu(report, cpu[other_tree], f"{name}, processor time")
        against = ratios(seconds["this"], seconds["other"])
        report.add_rounds("i", "memory", "this tree over the other one", against, at_most=MAX_SUITE_RATIO)
        against = ratios(cpu[ROOT], cpu[other_tree])
        report.add_rounds("i", "memory", "this tree over the other one, processor time", against)


def _report_cpu(report: Report, values: list[float], name: str) -> None:
    report.add_rounds(section="i", database="memory", name=name, values=values, unit="s")


def _suite_s(place: Path, tree: Path, cpu: dict[Path, list[float]]) -> float:
    """Seconds that the suite takes with this source tree, from the start of pytest to its end."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    began, cpu_s = time.perf_counter(), _children_s()
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if f"{TESTS} passed" not in done.stdout:
        raise Failed(f"the suite failed: {done.stdout[-2000:]}")
    cpu.setdefault(tree, []).append(_children_s() - cpu_s)
    return seconds
