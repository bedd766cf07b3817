"""The pytest plugin, as suites use it: accounts apart, one server, readable failures, nothing heavy loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fotapool.testing import Server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/testing"
WITHIN_S = 600
UNUSED_PLUGIN = "-p no:schemathesis"
"""Importing it takes longer than all the rest of a small run."""
HEAVY = ("httpx", "starlette", "uvicorn", "apsw", "msgspec", "aiohttp", "sqlalchemy", "requests", "verizon")


def run(directory: Path, *arguments: str, module: str = "pytest") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FOTAPOOL_"))}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": UNUSED_PLUGIN},
    )


def run_tests(directory: Path, text: str, *arguments: str) -> str:
    (directory / "test_it.py").write_text(text)
    (directory / "pytest.ini").write_text("[pytest]\n")
    return run(directory, "-q", "-p", "no:cacheprovider", "--strict-markers", *arguments).stdout


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_example_project_passes(arguments: tuple[str, ...]) -> None:
    done = run(EXAMPLE, "-q", "-p", "no:cacheprovider", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


def test_the_example_project_passes_on_a_server_that_several_runs_share() -> None:
    with Server(tls=True) as server:
        options = (f"--fotapool-address={server.address}", f"--fotapool-ca-file={server.ca_file}")
        for _ in range(2):
            done = run(EXAMPLE, "-q", "-p", "no:cacheprovider", *options)
            assert "10 passed" in done.stdout, done.stdout + done.stderr


def test_the_example_passes_with_unittest() -> None:
    done = run(EXAMPLE, "discover", "-s", "tests", "-p", "unittest_*.py", module="unittest")
    assert done.returncode == 0, done.stderr


def test_each_test_has_an_account_and_devices_of_its_own_on_one_server_of_all_workers(tmp_path: Path) -> None:
    text = """
import pytest

@pytest.mark.parametrize("number", range(12))
@pytest.mark.fotapool(licenses=2, devices=3, licensed=1)
def test_mine(fotapool, number):
    fotapool.assign(fotapool.devices[1])
    fotapool.assert_pool(total=2, used=2, free=0)
    with open("seen", "a") as file:
        file.write(f"{fotapool.server.address} {fotapool.name} {' '.join(fotapool.devices)}\\n")
"""
    assert "12 passed" in run_tests(tmp_path, text, "-n", "2")
    rows = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert len({row[0] for row in rows}) == 1
    assert len({row[1] for row in rows}) == 12
    assert len({device for row in rows for device in row[2:]}) == 36


FAILING = """
import pytest

@pytest.mark.fotapool(licenses=5)
def test_pool(fotapool):
    fotapool.assign(fotapool.devices[0])
    fotapool.assert_pool(used=3, free=4)

def test_licensed(fotapool):
    fotapool.assign(fotapool.devices[0])
    fotapool.assert_licensed(fotapool.devices[1:2])

def test_ledger(fotapool):
    fotapool.assign(fotapool.devices[0])
    fotapool.assert_ledger([("removed", fotapool.devices[0])])

def test_callbacks(fotapool):
    fotapool.callbacks.wait_for(1, type="upgradeProgress", timeout_s=0.1)
"""


def test_a_failure_shows_the_difference_and_the_account(tmp_path: Path) -> None:
    said = run_tests(tmp_path, FAILING)
    assert "4 failed" in said
    assert re.search(r"used +3 +1 +<-", said)
    assert not re.search(r"free +4 +4 +<-", said)
    assert "without a license: 99" in said
    assert "with a license that was not expected: 99" in said
    assert re.search(r"-removed 99\d+\n.*\+assigned 99", said)
    assert "0 arrived. All received: none" in said
    assert re.search(r"account 0000000001-00001: total 5, used 1, free 4", said)
    assert "assigned 990000000000000  used 0 -> 1  (requested by the user)" in said
    assert "POST /api/fota/v3/licenses/0000000001-00001/assign  200" in said


CLOCKS = """
import datetime

def test_renewed(fotapool):
    for _ in range(2):
        fotapool.advance("P2D")
        assert fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}").status_code == 200
        fotapool.call("GET", f"/v3/licenses/{fotapool.name}")

def test_what_a_test_ends_stays_ended(fotapool):
    fotapool.api.post("/api/m2m/v1/session/logout").raise_for_status()
    assert fotapool.api.get(f"/api/fota/v3/licenses/{fotapool.name}").status_code == 400

def test_own_clock(fotapool_own_server, fotapool, fotapool_server):
    shared = fotapool_server.account().now
    before = fotapool.now
    fotapool.to(before + datetime.timedelta(days=30))
    assert fotapool.now - before >= datetime.timedelta(days=30)
    assert fotapool_server.account().now - shared < datetime.timedelta(minutes=5)
"""


def test_tokens_follow_the_clock_and_a_server_of_ones_own_has_its_own(tmp_path: Path) -> None:
    said = run_tests(tmp_path, CLOCKS)
    assert "3 passed" in said, said


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    said = run_tests(tmp_path, "def test_it(fotapool): pass\n", "-o", "fotapool_arguments=--no-such-option")
    assert "No such option" in said


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    code = f"import sys, fotapool.testing.plugin; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_emulator_starts_without_the_libraries_that_it_may_never_need() -> None:
    code = (
        "import sys, fotapool.cli.main, fotapool.cli.server.serve, fotapool.cli.server.running, fotapool.app; "
        "print([name for name in ('aiohttp', 'psycopg', 'sqlalchemy', 'alembic', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
