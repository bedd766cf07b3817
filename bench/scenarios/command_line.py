"""The command line assigning 100,000 devices from a file, compared with the load client sending the same requests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.scenarios.assign import LARGE, LARGE_CONNECTIONS, Scale, audit
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, assign_request, build, in_groups, shuffled
from bench.support.processes import CLIENT_CORES, OPERATOR, Failed, Server, load, pin, serving
from bench.support.report import Report, alternate, ratios

DEVICES = 100_000
AT_LEAST = 0.8
WITHIN_S = 120
_SUMMARY = re.compile(r"([\d,]+) devices in ([\d.]+) s")


def measure_commands(report: Report, store: Store, scale: Scale) -> None:
    """(j) The whole command: start, reading the file, sign-in, requests and result file."""
    accounts = [
        Account(f"bench-cli-{number:02d}", FIRST_DEVICE + number * DEVICES, 0, DEVICES)
        for number in range(2 * (scale.rounds + 1))
    ]  # an account for each time, so that all pools are alike
    url = build(store, accounts)
    waiting = iter(accounts)
    reported: list[float] = []
    with serving(url) as server, tempfile.TemporaryDirectory(prefix="fotapool-bench-cli-") as directory:
        environment = _signing_in(server, accounts)
        rates = alternate(
            scale.rounds,
            {
                "client": lambda: _by_client(server, next(waiting)),
                "command": lambda: _by_command(next(waiting), Path(directory), environment, reported),
            },
        )
        audit(server, accounts[0].name)
        audit(server, accounts[-1].name)
    label = f"assign {DEVICES:,} devices"
    report.add_rounds(
        section="j",
        database=store.kind,
        name=f"{label}, load client, {LARGE_CONNECTIONS} connections",
        values=rates["client"],
        unit="lic/s",
    )
    report.add_rounds(
        section="j",
        database=store.kind,
        name=f"{label}, fotapool licenses assign --file",
        values=rates["command"],
        unit="lic/s",
    )
    report.add_rounds(
        section="j",
        database=store.kind,
        name=f"{label}, the command's own figure, without its start",
        values=reported[1:],
        unit="lic/s",
    )
    share = ratios(rates["command"], rates["client"])
    report.add_rounds("j", store.kind, "the whole command's share of the load client", share, at_least=AT_LEAST)
    store.drop(url)


def _signing_in(server: Server, accounts: list[Account]) -> dict[str, str]:
    """The environment of a command with the credentials for these accounts."""
    address = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=f"{address}/control/v1", headers={"Authorization": f"Bearer {OPERATOR}"}) as http:
        http.post("/clients", json={"key": "bench-cli", "secret": "bench-cli"}).raise_for_status()
        user = {"username": "bench-cli", "password": "bench-cli", "accounts": [account.name for account in accounts]}
        http.post("/users", json=user).raise_for_status()
    return {
        **os.environ,
        "FOTAPOOL_ADDRESS": address,
        "FOTAPOOL_CLIENT_KEY": "bench-cli",
        "FOTAPOOL_CLIENT_SECRET": "bench-cli",
        "FOTAPOOL_USER": "bench-cli",
        "FOTAPOOL_PASSWORD": "bench-cli",
    }


def _by_client(server: Server, account: Account) -> float:
    groups = in_groups(shuffled(account.spare_devices()), LARGE)
    requests = [assign_request(account.name, group) for group in groups]
    return load(server.port, requests, LARGE_CONNECTIONS, WITHIN_S).rate * LARGE


def _by_command(account: Account, directory: Path, environment: dict[str, str], reported: list[float]) -> float:
    file = directory / f"{account.name}.txt"
    file.write_text("".join(f"{device:015d}\n" for device in shuffled(account.spare_devices())))
    results = directory / f"{account.name}.csv"
    began = time.perf_counter()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fotapool.cli",
            "licenses",
            "assign",
            account.name,
            "--file",
            str(file),
            "--results",
            str(results),
        ],
        env=environment,
        preexec_fn=pin(CLIENT_CORES),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    seconds = time.perf_counter() - began
    found = _SUMMARY.search(done.stderr)
    if done.returncode or not found or found[1] != f"{DEVICES:,}":
        raise Failed(f"the command answered {done.returncode}: {done.stdout}{done.stderr}")
    reported.append(DEVICES / float(found[2]))
    return DEVICES / seconds
