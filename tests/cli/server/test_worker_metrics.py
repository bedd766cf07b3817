"""Metrics of a server with several workers: each scrape shows the sums of all, whichever worker answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.helpers import ACCOUNT, OPERATOR, SEED, seed_file
from support.metrics import Scrape
from support.processes import NO_AUTHORITIES, ServerProcess, wait_until

KEY = {"Authorization": f"Bearer {OPERATOR}"}
OPERATION = {"plane": "operator", "operation": "read_account", "method": "GET"}
REQUESTS, DURATIONS = "fotapool_http_requests_total", "fotapool_http_request_duration_seconds_count"


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """With two workers and a directory of its own for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ("--database", database_url, "--workers", "2", "--drain-s", "0", "--storage", (tmp_path / "f").as_uri())
    seed = seed_file(tmp_path, SEED)
    started = ServerProcess(tmp_path, *options, "--seed", seed, TMPDIR=str(temporary), PROMETHEUS_MULTIPROC_DIR="/none")
    started.wait_until_ready()
    wait_until(lambda: len(started.workers()) == 2, "two workers")
    yield started
    started.stop()
    assert list(temporary.iterdir()) == []


def get(server: ServerProcess, path: str) -> httpx.Response:
    """On a connection of its own, so that any worker may answer."""
    return httpx.get(
        server.address + path,
        headers={**KEY, "Connection": "close"},
        trust_env=False,
        timeout=60,
        verify=NO_AUTHORITIES,
    )


def scraped(server: ServerProcess) -> Scrape:
    return Scrape(get(server, "/metrics").text)


def read_accounts(server: ServerProcess, count: int) -> None:
    for _ in range(count):
        assert get(server, f"/control/v1/accounts/{ACCOUNT}").status_code == 200


@pytest.mark.long_on("sqlite")
def test_counters_never_fall_and_are_the_number_of_requests(server: ServerProcess) -> None:
    last: dict[object, float] = {}
    for number in range(40):
        read_accounts(server, 5)
        found = scraped(server)
        assert found.value(REQUESTS, **OPERATION, status="200") == (number + 1) * 5
        assert found.value(DURATIONS, **OPERATION) == (number + 1) * 5
        counters = found.counters()
        assert all(counters[key] >= value for key, value in last.items() if isinstance(key, tuple))
        last = dict(counters)
    assert found.value("fotapool_accounts") == 2
    assert found.value("fotapool_sign_in_failures_total") == 0
    assert not any(name.startswith(("process_", "python_")) for name in found.types)


def test_counts_of_a_killed_worker_stay_and_its_gauges_go(server: ServerProcess) -> None:
    read_accounts(server, 30)
    before = scraped(server)
    workers = server.workers()
    for number, killed in enumerate(workers, 1):
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda number=number: f"{number}.0" in _replaced(server), "the worker to be replaced")
        wait_until(lambda killed=killed: len(server.workers() - {killed}) == 2, "a new worker")
    found = scraped(server)
    assert found.value(REQUESTS, **OPERATION) == before.value(REQUESTS, **OPERATION) == 30
    assert found.value("fotapool_workers_replaced_total") == 2
    counters = found.counters()
    assert all(counters[key] >= value for key, value in before.counters().items())
    wait_until(lambda: not server.workers() & workers, "only new workers")
    read_accounts(server, 10)
    assert scraped(server).value(REQUESTS, **OPERATION) == 40
    assert scraped(server).value("fotapool_changes_waiting") == 0


def _replaced(server: ServerProcess) -> str:
    try:
        text = get(server, "/metrics").text
    except httpx.HTTPError:  # the worker that took the connection was killed
        return ""
    return next(line for line in text.splitlines() if line.startswith("fotapool_workers_replaced_total"))
