"""`fotapool serve --workers N`: start, replacement, and the end of the parent, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from fotapool.cli.server.parent import exists
from support.helpers import ACCOUNT, SEED, seed_file
from support.processes import PATIENCE_S, ServerProcess, wait_until

KEY = {"Authorization": "Bearer test-operator-key"}
Start = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ServerProcess] = []

    def start_one(*options: str, ready: bool = True, **environment: str) -> ServerProcess:
        url = f"sqlite:///{tmp_path}/a.db"
        options = ("--database", url, "--workers", "2", "--drain-s", "0", *options)
        started.append(ServerProcess(tmp_path, *options, **environment))
        if ready:
            started[-1].wait_until_ready()
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


def test_a_proxy_in_the_environment_does_not_matter(start: Start) -> None:
    server = start(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1")
    assert server.is_answering()
    assert server.stop() == 0


def test_workers_that_cannot_start_fail_the_start(start: Start, tmp_path: Path) -> None:
    (tmp_path / "begin_with.py").write_text("os._exit(7)")
    server = start(ready=False)
    assert server.process.wait(60) == 1
    assert "ended with exit code 7; another one starts" in server.log
    assert "Error: no worker could start" in server.log
    assert "fotapool ready" not in server.log


def test_a_worker_that_is_slow_to_start_is_waited_for(start: Start, tmp_path: Path) -> None:
    (tmp_path / "begin_with.py").write_text("time.sleep(6)")  # uvicorn's own supervisor kills it after 5 s
    server = start()
    assert server.is_answering()
    assert "another one starts" not in server.log


def test_a_worker_that_does_not_start_in_time_is_killed_with_a_line_in_the_log(start: Start, tmp_path: Path) -> None:
    (tmp_path / "begin_with.py").write_text("time.sleep(600)")
    server = start("--worker-timeout-s", "1", ready=False)
    assert server.process.wait(60) == 1
    assert "did not answer for 1 s and was killed (exit code -9, SIGKILL); see --worker-timeout-s" in server.log
    assert not server.workers()


def test_a_killed_worker_is_replaced_without_the_seed_and_the_other_goes_on(start: Start, tmp_path: Path) -> None:
    seed = Path(seed_file(tmp_path, SEED))
    server = start("--seed", str(seed))
    wait_until(lambda: len(server.workers()) == 2, "two workers")
    seed.write_text("no seed")
    first, other = sorted(server.workers())
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(server.workers() - {first}) == 2, "a new worker")
    assert f"worker {first} ended with exit code -9, SIGKILL; another one starts" in server.log
    assert other in server.workers()
    os.kill(other, signal.SIGKILL)  # so that only new workers answer
    wait_until(server.is_answering, "an answer of a new worker")
    found = httpx.get(f"{server.address}/control/v1/accounts/{ACCOUNT}", headers=KEY, trust_env=False, timeout=120)
    assert found.status_code == 200
    assert "seed" not in server.log
    assert server.stop() == 0


def test_workers_that_fail_do_not_take_a_healthy_one_down(start: Start) -> None:
    server = start()
    wait_until(lambda: len(server.workers()) == 2, "two workers")
    server.begin_with.write_text("os._exit(3)")  # what uvicorn takes for a broken application
    killed = min(server.workers())
    healthy = (server.workers() - {killed}).pop()
    wait_until(server.is_answering, "an answer")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: server.log.count("ended with exit code 3") >= 3, "three failures")
    assert server.process.poll() is None
    assert healthy in server.workers()
    assert server.is_answering()
    server.begin_with.unlink()
    wait_until(lambda: len(server.workers()) == 2, "two workers again")
    assert server.stop() == 0


def test_a_worker_that_hangs_is_killed_and_replaced(start: Start) -> None:
    server = start("--worker-timeout-s", "10")
    wait_until(lambda: len(server.workers()) == 2, "two workers")
    hung = min(server.workers())
    os.kill(hung, signal.SIGSTOP)
    wait_until(lambda: f"worker {hung} did not answer for 10 s and was killed" in server.log, "the hung worker's end")
    wait_until(lambda: len(server.workers() - {hung}) == 2, "a new worker")


def test_workers_stop_when_their_parent_was_killed(start: Start) -> None:
    server = start("--drain-s", "600")  # for which workers without a parent do not wait
    wait_until(lambda: len(server.workers()) == 2, "two workers")
    workers = server.workers()
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(exists(worker) for worker in workers), "the workers' end")
    assert not server.is_answering()


def test_a_process_that_loses_the_signal_ends_all_the_same() -> None:
    lines = (
        "import signal, threading",
        "from fotapool.cli.server.parent import stop_with",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "stop_with(0, -1, signal.SIGINT, within_s=0.1)  # the parent has ended before",
        "threading.Event().wait()",
    )
    assert subprocess.run([sys.executable, "-c", "\n".join(lines)], timeout=PATIENCE_S).returncode == 1
