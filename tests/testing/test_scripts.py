"""Start-up scripts of the emulator, and how `/health/ready` tells of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

PATIENCE_S = 120
MAKE_ACCOUNT = """
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["FOTAPOOL_ADDRESS"] + "/control/v1/accounts", json.dumps({"name": "made-by-script"}).encode(),
    {"Authorization": "Bearer " + os.environ["FOTAPOOL_OPERATOR_KEY"]},
)
urllib.request.urlopen(request).close()
"""


def wait_for(address: str, status: str) -> list[str]:
    """What `/health/ready` said until it said that."""
    said: list[str] = []
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        response = httpx.get(f"{address}/health/ready")
        said.append(response.json()["status"])
        assert (response.status_code == 200) == (said[-1] == "ready")
        if said[-1] == status:
            return said
        time.sleep(0.02)
    raise AssertionError(said)


def test_scripts_run_by_name_and_then_the_server_is_ready(server_process: Callable[..., Any], tmp_path: Path) -> None:
    go = tmp_path / "go"
    (tmp_path / "1.sh").write_text(f"while [ ! -e {go} ]; do sleep 0.02; done\n")
    (tmp_path / "2.py").write_text(MAKE_ACCOUNT)
    (tmp_path / "3.txt").write_text("not a script")
    with server_process("emulate", "--operator-key", "key", "--init-dir", str(tmp_path)) as (address, _):
        wait_for(address, "running script 1 of 2: 1.sh")
        go.touch()
        wait_for(address, "ready")
        headers = {"Authorization": "Bearer key"}
        assert httpx.get(f"{address}/control/v1/accounts/made-by-script", headers=headers).status_code == 200


def test_a_script_that_fails_is_named_and_the_rest_is_not_run(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "1.sh").write_text("exit 3\n")
    (tmp_path / "2.sh").write_text(f"touch {tmp_path}/ran\n")
    with server_process("emulate", "--init-dir", str(tmp_path)) as (address, process):
        wait_for(address, "failed: 1.sh")
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert "1.sh failed: it exited with 3" in said
    assert not (tmp_path / "ran").exists()


def test_stopping_the_server_ends_the_script_that_runs(server_process: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "1.sh").write_text("exec sleep 600\n")
    with server_process("emulate", "--init-dir", str(tmp_path)) as (address, process):
        wait_for(address, "running script 1 of 1: 1.sh")
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
