"""`fotapool requests`: the newest requests, and new ones as they arrive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from support.helpers import ACCOUNT, Api

DEADLINE_S = 120


def send(api: Api, count: int) -> None:
    for _ in range(count):
        api.call("GET", f"/v3/subscriptions/{ACCOUNT}")


def test_the_newest_requests_are_listed_with_the_last_one_at_the_end(api: Api, cli: Any) -> None:
    send(api, 110)
    numbers = [row["number"] for row in cli.rows("requests", "list")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    table = cli("requests", "list").stdout.splitlines()
    assert [int(line.split()[0]) for line in table[1:]] == numbers[-100:]
    short = cli("requests", "list", "--limit", "3").stdout.splitlines()
    assert [int(line.split()[0]) for line in short[1:]] == numbers[-3:]
    assert [row["number"] for row in cli.rows("requests", "list", "--limit", "2")] == numbers[-2:]


def test_new_requests_are_printed_as_they_arrive_until_ctrl_c(api: Api, cli: Any) -> None:
    send(api, 2)
    cli("requests", "clear")
    send(api, 1)
    for options in (("--json",), ()):
        command = [sys.executable, "-m", "fotapool.cli", "requests", "list", "--follow", *options]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **cli.environment},
        ) as process:
            deadline = threading.Timer(DEADLINE_S, process.kill)  # so that no read waits for ever
            deadline.start()
            assert process.stdout is not None
            assert process.stderr is not None
            lines = [process.stdout.readline()]
            if not options:  # the heading was first
                lines = [process.stdout.readline()]
            send(api, 1)
            lines.append(process.stdout.readline())
            numbers = [json.loads(line)["number"] if options else int(line.split()[0]) for line in lines]
            assert numbers[1] == numbers[0] + 1
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=120) == 130
            assert process.stderr.read() == "Error: stopped\n"
            deadline.cancel()
        cli("requests", "clear")
        send(api, 1)


def test_requests_are_found_by_refusal_and_by_id(api: Api, cli: Any) -> None:
    send(api, 1)
    api.call("GET", "/v3/subscriptions/nowhere", headers={"X-Request-Id": "lost"})
    assert [row["requestId"] for row in cli.rows("requests", "list", "--refused")] == ["lost"]
    assert [row["status"] for row in cli.rows("requests", "list", "--request-id", "lost")] == [400]
