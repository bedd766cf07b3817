"""For other languages: a server that says where it is, and that goes when the one who started it goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from fotapool.cli.server.parent import exists
from fotapool.testing import Server

PATIENCE_S = 120
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "fotapool.cli", "emulate", "--port", "0",
                          "--stop-with-parent", "--address-file", sys.argv[1]], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(600)
"""


def wait_until_gone(process: int) -> bool:
    until = time.monotonic() + PATIENCE_S
    while exists(process) and not is_zombie(process):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def is_zombie(process: int) -> bool:
    """In a container nobody may be there to bury it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False


def test_a_server_writes_its_address_and_stops_when_its_parent_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "address"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(file)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until = time.monotonic() + PATIENCE_S
        while not file.exists():
            assert time.monotonic() < until, "no address was written"
            time.sleep(0.02)
        with urllib.request.urlopen(f"{file.read_text().strip()}/health/ready", timeout=PATIENCE_S) as answer:
            assert answer.status == 200
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    assert wait_until_gone(child)


def test_a_server_stops_with_the_process_that_it_is_told() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with Server(stop_with=other.pid) as server:
        assert server.process is not None
        other.kill()
        other.wait()
        assert server.process.wait(PATIENCE_S) == 0


def test_a_server_that_runs_already_is_used_and_left_running() -> None:
    with Server() as first:
        with Server(address=first.address) as second:
            assert second.account(devices=1).devices != first.account(devices=1).devices
        assert first.account().pool.total == 10


def test_wrong_devices_and_wrong_members_are_told() -> None:
    with Server() as server:
        account = server.account(devices=0)
        with pytest.raises(ValueError, match="1 of 1 devices were not imported"):
            account.import_devices([{"deviceId": "12"}])
        with pytest.raises(TypeError, match="a pool has no usd"):
            account.assert_pool(usd=1)
        with pytest.raises(TypeError):
            server.account(licences=3)


def test_the_inbox_takes_each_version_in_its_words_and_answers_as_told() -> None:
    with Server() as server:
        account = server.account(devices=1)
        inbox = account.listen(1, 2, 3)
        package = {
            "firmwareName": "Inbox_1To2",
            "make": "Verizon",
            "model": "Model-A",
            "fromVersion": "1",
            "toVersion": "2",
        }
        server.control.call("POST", "/firmware", package)
        came = inbox.wait_for(3, type="firmwareList")
        assert {callback.version for callback in came} == {1, 2, 3}
        assert all("Inbox_1To2" in json.dumps(callback.content) for callback in came)
        inbox.clear()
        inbox.status = 503
        server.control.call("POST", "/firmware", {**package, "firmwareName": "Inbox_1To3", "toVersion": "3"})
        inbox.wait_for(3)
        inbox.status = 200
        account.advance("PT5M")
        assert len(inbox.wait_for(6)) == 6
