"""Starts a Patroni cluster and two fotapool servers on this machine, lets them fail under load, and prints the books.

python drill.py [--check] [--steps switchover,kill,freeze] [--user postgres]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cluster import Cluster, find_tools, free_port, wait_until
from load import OPERATOR_KEY, Books, Load, read_books, seed

BETWEEN = 50
"""Changes of each client before and after each step."""
STEPS = ("switchover", "kill", "freeze")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    parser.add_argument("--steps", default=",".join(STEPS), help=f"what to do, in order ({','.join(STEPS)})")
    parser.add_argument("--user", default="postgres", help="who runs PostgreSQL, if you are root (postgres)")
    options = parser.parse_args()
    tools, missing = find_tools()
    for line in missing:
        print(f"missing: {line}")
    if options.check or missing:
        raise SystemExit(1 if missing else 0)
    steps = options.steps.split(",")
    if not set(steps) <= set(STEPS):
        parser.error(f"--steps takes {', '.join(STEPS)}")
    directory = Path(tempfile.mkdtemp(prefix="ha-"))
    directory.chmod(0o755)
    cluster = Cluster(directory / "cluster", tools, options.user)
    servers: list[subprocess.Popen[bytes]] = []
    try:
        run(directory, cluster, servers, steps)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)


def run(directory: Path, cluster: Cluster, servers: list[subprocess.Popen[bytes]], steps: list[str]) -> None:
    cluster.start()
    print(f"3 nodes, which agree in {cluster.store}; primary: {cluster.primary().name}", flush=True)
    url = cluster.url("fotapool", "fotapool")
    addresses = start_servers(directory, url, servers)
    print("2 fotapool servers, whose URL has all nodes", flush=True)
    load = Load(addresses)
    load.start()
    try:
        wait_for_changes(load)
        load.take_longest_gap_s()
        for name in steps:
            before = cluster.primary()
            step(name, cluster, load)
            gap = load.take_longest_gap_s()
            print(f"{name}: {before.name} -> {cluster.primary().name}; no changes for {gap:.1f} s at most", flush=True)
            wait_until(cluster.is_complete, "all nodes are back")
    finally:
        load.stop()
    books = [read_books(addresses[0], client) for client in load.clients]
    is_right = print_books(books)
    command = [sys.executable, "-m", "fotapool.cli", "database", "verify", "--database", url]
    verified = subprocess.run(command, capture_output=True, text=True)
    print(f"fotapool database verify: {(verified.stdout or verified.stderr).strip()}")
    if verified.returncode or not is_right:
        raise SystemExit(1)


def start_servers(directory: Path, url: str, servers: list[subprocess.Popen[bytes]]) -> list[str]:
    """Two servers that share the database, the storage and the key of stored secrets; returns their addresses."""
    (directory / "seed.json").write_text(json.dumps(seed()))
    (directory / "files").mkdir()
    options = ["--database", url, "--storage", (directory / "files").as_uri(), "--seed", str(directory / "seed.json")]
    environment = {**os.environ, "FOTAPOOL_OPERATOR_KEY": OPERATOR_KEY}
    addresses = []
    for number in (1, 2):
        log, port = directory / f"server-{number}.log", free_port()
        command = [sys.executable, "-m", "fotapool.cli", "serve", "--port", str(port), *options]
        with log.open("wb") as output:
            servers.append(subprocess.Popen(command, stdout=output, stderr=output, env=environment))
        wait_until(has_line(log, "fotapool ready on "), "a fotapool server is ready")
        addresses.append(f"http://127.0.0.1:{port}")
    return addresses


def has_line(log: Path, words: str) -> Callable[[], bool]:
    return lambda: words in log.read_text()


def wait_for_changes(load: Load) -> None:
    counts = load.counts()
    wait_until(lambda: load.has_more_than(counts, BETWEEN), "changes are done")


def step(name: str, cluster: Cluster, load: Load) -> None:
    """Lets the primary fail or change, and waits until the clients go on."""
    primary = cluster.primary()
    if name == "switchover":
        cluster.switch_over()
    else:
        primary.signal(signal.SIGKILL if name == "kill" else signal.SIGSTOP)
        wait_until(lambda: any(node.is_primary() for node in cluster.nodes if node is not primary), "a new primary")
    wait_for_changes(load)
    if name == "kill":
        assert primary.process is not None
        primary.process.wait()
        cluster.start_node(primary)
    elif name == "freeze":
        primary.signal(signal.SIGCONT)
    wait_for_changes(load)


def print_books(books: list[Books]) -> bool:
    """Returns whether nothing is lost and all audits are consistent."""
    print("account    acknowledged  found  lost  answered 503  of these done  audit")
    for one in books:
        audit = "consistent" if one.consistent and one.total_is_right else "WRONG"
        print(
            f"{one.account}  {one.acknowledged:12}  {one.found:5}  {one.lost:4}  {one.refused:12}"
            f"  {one.refused_but_done:13}  {audit}"
        )
    print(f"in all: {sum(one.acknowledged for one in books)} acknowledged, {sum(one.lost for one in books)} lost")
    return all(one.consistent and one.total_is_right and not one.lost for one in books)


if __name__ == "__main__":
    main()
