"""The log of real processes: one format in the parent and in every worker, and an outage that writes few lines."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.postgres_proxy import postgres_proxy
from support.processes import ServerProcess, wait_until
from support.servers import set_up

KEY = {"Authorization": "Bearer test-operator-key"}
ROUNDS = 50
"""How often a failing database is asked: more often than anything may be logged."""


def lines_of(server: ServerProcess) -> list[dict[str, Any]]:
    """The lines of a log in JSON; the notes and the ready line are not part of it."""
    return [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]


def test_parent_and_workers_write_the_same_lines(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    options = ("--database", url, "--workers", "2", "--drain-s", "1", "--log-format", "json", "--access-log")
    server = ServerProcess(tmp_path, *options)
    server.wait_until_ready()
    wait_until(lambda: len(server.workers()) == 2, "two workers")
    killed = min(server.workers())
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(server.workers() - {killed}) == 2, "a new worker")
    wait_until(lambda: server.is_answering() and server.log.count("worker_started") == 3, "an answer")
    found = httpx.get(
        f"{server.address}/control/v1/accounts?after=secret", headers={**KEY, "X-Request-Id": "mine"}, trust_env=False
    )
    assert found.status_code == 200
    assert server.stop() == 0
    lines = lines_of(server)
    assert all({"time", "level", "event", "message", "logger", "process"} <= line.keys() for line in lines)
    by_event = {line["event"]: line for line in lines}
    replaced = by_event["worker_replaced"]
    assert (replaced["level"], replaced["pid"], replaced["process"]) == ("warning", killed, server.process.pid)
    assert "SIGKILL" in replaced["problem"]
    assert by_event["server_started"]["address"] == server.address
    request = next(line for line in lines if line.get("request_id") == "mine")
    assert (request["event"], request["actor"], request["path"]) == ("request", "operator", "/control/v1/accounts")
    assert request["worker"] in (1, 2)
    assert request["process"] != server.process.pid
    assert {line["worker"] for line in lines if line["event"] == "server_stopped"} <= {1, 2}
    assert "server_stopping" in by_event
    assert "secret" not in server.log
    assert "test-operator-key" not in server.log


def test_the_level_leaves_lines_out(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path, "--database", f"sqlite:///{tmp_path}/a.db", "--log-level", "error", "--drain-s", "0"
    )
    server.wait_until_ready()
    assert server.stop() == 0
    written = [line for line in server.log.splitlines() if not line.startswith("warning: the operator key")]
    assert written == [f"fotapool ready on {server.address}"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_outage_writes_at_most_50_lines_and_says_how_many_more_there_were(database_url: str, tmp_path: Path) -> None:
    set_up(database_url, "only")
    with postgres_proxy(database_url) as proxy:
        server = ServerProcess(tmp_path, "--database", proxy.url, "--log-format", "json", "--drain-s", "0")
        try:
            server.wait_until_ready()
            before = len(server.log.splitlines())
            proxy.cut()
            with httpx.Client(base_url=server.address, headers=KEY, trust_env=False, timeout=60) as client:
                for _ in range(ROUNDS):
                    assert client.get("/control/v1/accounts").status_code == 503
                    assert client.post("/control/v1/accounts", json={"name": "new"}).status_code == 503
                    assert client.get("/health/ready").status_code == 503
            proxy.restore()
            wait_until(lambda: '"database_up"' in server.log, "the line about the end")
            assert server.is_answering()
        finally:
            assert server.stop() == 0
    lines = lines_of(server)
    assert len(server.log.splitlines()) - before <= 50
    # No change reaches the database: it cannot be asked who sends it.
    assert Counter(line["use"] for line in lines if line["event"] == "database_down") == {"reads": 1}
    suppressed = {line["of"]: line["suppressed"] for line in lines if line["event"] == "lines_suppressed"}
    assert suppressed["not_ready"] > ROUNDS / 2
