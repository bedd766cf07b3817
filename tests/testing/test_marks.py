"""Wrong marks, wrong devices and wrong servers: each is refused with a sentence that names what is wrong."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fotapool.testing
from fotapool.testing import Server, ServerFailed
from fotapool.testing.options import read_options
from fotapool.testing.ranges import Ranges
from testing.test_plugin import run, run_tests

WRONG = (
    ({"licences": 3}, TypeError, "an account has no member licences; did you mean licenses?"),
    ({"colour": 3}, TypeError, "an account has no member colour. Known: licenses, devices, licensed, make"),
    ({"licensed": 5, "devices": 2}, ValueError, "licensed=5 is more than devices=2"),
    ({"licensed": 5, "licenses": 2}, ValueError, "licensed=5 is more than licenses=2"),
    ({"licensed": 1, "devices": [{"deviceId": "990000000000001"}]}, ValueError, "licensed needs a number of devices"),
    ({"devices": "5"}, TypeError, "devices must be a number, or a list of devices, not '5'"),
    ({"devices": 10_000_000}, ValueError, "devices must be at most 1,000,000, but is 10,000,000"),
    ({"devices": -1}, ValueError, "devices must not be below 0, but is -1"),
    ({"licenses": "5"}, TypeError, "licenses must be a number, not '5'"),
)


@pytest.mark.parametrize(("members", "error", "said"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_member_is_named(members: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        read_options(members)
    assert said in str(raised.value)


MARKS = """
import pytest

@pytest.mark.fotapool(5)
def test_position(fotapool): pass

@pytest.mark.fotapool(licenced=5)
def test_member(fotapool): pass

def test_unknown_device(fotapool):
    fotapool.assign(fotapool.devices[0], "990000000000999")

def test_unknown_device_of_remove(fotapool):
    fotapool.remove("990000000000999")

def test_unknown_device_of_behavior(fotapool):
    with pytest.raises(AssertionError, match="has no device 990000000000999"):
        fotapool.device_fails("990000000000999")
    with pytest.raises(AssertionError, match="has no device 990000000000999"):
        fotapool.simulate("990000000000999")
    with pytest.raises(TypeError, match="one by one"):
        fotapool.assign(fotapool.devices)
    with pytest.raises(TypeError, match="a list of IMEIs"):
        fotapool.assert_licensed(fotapool.devices[0])

def test_more_licensed_than_added(fotapool):
    fotapool.add_devices(2, licensed=3)

@pytest.mark.fotapool(licenses=0)
def test_a_pool_that_is_too_small_is_an_answer(fotapool):
    assert fotapool.assign(fotapool.devices[0])["deviceList"][0]["status"] == "LicenseAssignFailure"
"""


def test_a_wrong_mark_and_an_unknown_device_fail_the_test(tmp_path: Path) -> None:
    said = run_tests(tmp_path, MARKS)
    assert "3 failed, 2 passed, 2 errors" in said, said
    assert "the mark fotapool has members only, as in licenses=5; it was given 5" in said
    assert "the mark fotapool is wrong: an account has no member licenced; did you mean licensed?" in said
    assert said.count("account 0000000001-00001 has no device 990000000000999") >= 1
    assert said.count("has no device 990000000000999") >= 2
    assert "licensed=3 is more than devices=2" in said


def test_runs_that_share_a_server_do_not_use_the_same_block() -> None:
    with Server() as first:
        blocks = iter([7, 7, 8])
        with pytest.raises(ServerFailed, match="cannot be used: GET /clock returned 401"):
            Server(address=first.address, operator_key="wrong").start()
        runs = [Server(address=first.address) for _ in range(2)]
        for one in runs:
            one._ranges = Ranges(draw=lambda: next(blocks))
        accounts = [one.account(devices=2) for one in runs]
        assert [one.name[:4] for one in accounts] == ["0007", "0008"]
        assert len({device for one in accounts for device in one.devices}) == 4
        assert runs[1].account(copy_of=accounts[0].name).name == "0008000002-00001"
        copying = Server(address=first.address)
        blocks = iter([8, 9])
        copying._ranges = Ranges(draw=lambda: next(blocks))
        assert copying.account(copy_of=accounts[0].name).name == "0009000001-00001"
        for one in (*runs, copying):
            one.stop()


def test_a_production_server_is_refused(server_process: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--database", f"sqlite:///{tmp_path}/a.db", "--operator-key", "operator")
    with server_process("serve", *options) as (address, _):
        with pytest.raises(ServerFailed, match="has no test clock, so it is not an emulator"), Server(address=address):
            pass
        server = Server(address=address)
        with pytest.raises(ServerFailed, match="no account is created on it"):
            server.account()
        assert server.control.call("GET", "/accounts")["accounts"] == []
        server.stop()
        said = run_tests(tmp_path, "def test_it(fotapool): pass\n", "--fotapool-address", address)
        assert "no account is created on it" in said
    with pytest.raises(ServerFailed, match="cannot be used"):
        Server(address=address).start()


SEED = """
accounts:
  - {name: "0242078689-00001", licenseCount: 7}
"""
OF_THE_SEED = """
import pytest

@pytest.mark.fotapool(copy_of="0242078689-00001")
def test_it(fotapool):
    fotapool.assert_pool(total=7)

def test_own(fotapool_own_server):
    assert fotapool_own_server.control.call("GET", "/accounts/0242078689-00001")["licenseCount"] == 7
"""


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n", "1"), marks=pytest.mark.long)], ids=["alone", "xdist"])
def test_a_seed_is_found_from_the_project_s_root(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "seed.yaml").write_text(SEED)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfotapool_arguments = --seed seed.yaml\n")
    below = tmp_path / "tests"
    below.mkdir()
    (below / "test_it.py").write_text(OF_THE_SEED)
    done = run(below, "-q", "-p", "no:cacheprovider", *arguments)
    assert "2 passed" in done.stdout, done.stdout


def test_each_export_exists_and_no_other_name_passes_the_type_check(tmp_path: Path) -> None:
    names = fotapool.testing.__all__
    module = importlib.import_module("fotapool.testing")
    assert all(getattr(module, name).__name__ == name for name in names)
    assert "Inbox" in names
    with pytest.raises(AttributeError, match="has no attribute 'Inboxes'"):
        _ = module.Inboxes
    (tmp_path / "good.py").write_text(
        f"from fotapool.testing import {', '.join(names)}\n\n"
        "def first(account: Account) -> str:\n    return account.callbacks.wait_for()[0].type\n"
    )
    (tmp_path / "bad.py").write_text("from fotapool.testing import Inboxes\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={tmp_path}/cache"]
    done = subprocess.run([*command, "good.py", "bad.py"], cwd=tmp_path, capture_output=True, text=True)
    assert 'bad.py:1: error: Module "fotapool.testing" has no attribute "Inboxes"' in done.stdout
    assert "Found 1 error in 1 file" in done.stdout, done.stdout
