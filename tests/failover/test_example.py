"""The example of high availability is complete; the drill itself runs where it is asked for."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "examples/high-availability"
DRILL = os.environ.get("FOTAPOOL_TEST_DRILL")
"""The Python of a virtual environment with fotapool, Patroni and, if there is no other, PostgreSQL."""
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@pytest.mark.parametrize("path", sorted(EXAMPLE.glob("*.py")), ids=lambda path: path.name)
def test_its_programs_compile(path: Path, tmp_path: Path) -> None:
    py_compile.compile(str(path), cfile=str(tmp_path / "compiled"), doraise=True)


def test_the_configuration_of_a_node_asks_for_a_synchronous_standby() -> None:
    names = dict.fromkeys(("name", "rest_port", "port", "directory", "bin_dir", "password"), "1")
    node = yaml.safe_load(Template((EXAMPLE / "node.yml").read_text()).substitute(names, store="etcd3:\n  hosts: a:1"))
    assert node["bootstrap"]["dcs"]["synchronous_mode"] is True
    assert node["etcd3"] == {"hosts": "a:1"}


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed: apt-get install haproxy")
def test_haproxy_takes_its_configuration() -> None:
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(EXAMPLE / "haproxy.cfg")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_drill_says_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "drill.py"), "--check"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == (1 if "missing: " in done.stdout else 0)


@pytest.mark.skipif(DRILL is None, reason="set FOTAPOOL_TEST_DRILL to a Python that has fotapool and Patroni")
def test_nothing_is_lost_in_the_drill() -> None:
    done = subprocess.run([str(DRILL), str(EXAMPLE / "drill.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 lost" in done.stdout
