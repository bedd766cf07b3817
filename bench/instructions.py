"""Instructions of user code for each request, counted by valgrind: the same on a busy machine and on a quiet one.

`python -m bench.instructions` compares requests with metrics, and with traces of 1 % of them, to requests without. The
cost of 1 % is calculated from those of no traces and of all, since the number of requests is too small for chance.
`python -m bench.instructions --tree DIR` compares this source tree to another one; `--kind keyed`, assignments with an
Idempotency-Key to assignments without. Linux, on SQLite; needs valgrind.
The server's connections are objects in its own process, so that what the kernel does is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONNECTIONS = 16
FEWER, MORE = 320, 960
"""Both numbers of requests are counted; the difference has neither the start nor the end of the process."""
DEVICES = 20_000
ROOT = Path(__file__).parent.parent
VARIANTS: dict[str, dict[str, Any]] = {
    "without": {"close_metrics": True},
    "metrics": {},
}
TRACES = {"otel": True}
SAMPLED = 0.01


class _Transport(asyncio.Transport):
    """Counts the responses that a connection is answered with."""

    def __init__(self, answered: _Answered) -> None:
        super().__init__()
        self._answered = answered

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if bytes(data[:9]) == b"HTTP/1.1 ":
            assert bytes(data[9:12]) == b"200", bytes(data)
            self._answered.note()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class _Answered:
    """How many responses are there, and a future for those that are waited for."""

    def __init__(self) -> None:
        self._missing = 0
        self._all: asyncio.Future[None] | None = None

    def expect(self, count: int) -> asyncio.Future[None]:
        self._missing, self._all = count, asyncio.get_running_loop().create_future()
        return self._all

    def note(self) -> None:
        self._missing -= 1
        if not self._missing and self._all is not None:
            self._all.set_result(None)


def play(kind: str, count: int, values: dict[str, Any]) -> None:
    """Serves so many requests in this process."""
    import uvloop
    from uvicorn.lifespan.on import LifespanOn
    from uvicorn.server import ServerState

    from bench.support import databases, pools
    from fotapool.app import Server
    from fotapool.cli.server.process import make_config, prepare_process
    from fotapool.core.settings import Settings

    account = pools.Account("bench", pools.FIRST_DEVICE, DEVICES, count)
    with tempfile.TemporaryDirectory(prefix="fotapool-bench-") as directory:
        url = pools.build(databases.SqliteStore(Path(directory)), [account])
        settings = Settings(database=url, operator_key="bench-operator-key", **values)
        prepare_process(settings)
        config = make_config(settings, Server(settings).app)
        config.load()
        if kind != "read":
            devices = account.spare_devices()
            random.Random(1).shuffle(devices)
            requests = [
                pools.assign_request(account.name, [device], f"{number:036d}" if kind == "keyed" else "")
                for number, device in enumerate(devices)
            ]
        else:
            last = account.first + account.devices - 3
            requests = [pools.page_request(account.name, last)] * count

        async def run() -> None:
            lifespan = LifespanOn(config)
            await lifespan.startup()
            gc.freeze()  # as `run_until_stopped`
            state, answered = ServerState(), _Answered()
            connections = []
            for _ in range(CONNECTIONS):
                made: Any = config.http_protocol_class
                connections.append(made(config=config, server_state=state, app_state={}))
                connections[-1].connection_made(_Transport(answered))
            for first in range(0, count, CONNECTIONS):
                chunk = requests[first : first + CONNECTIONS]
                done = answered.expect(len(chunk))
                for connection, request in zip(connections, chunk, strict=False):
                    connection.data_received(request)
                await done
            shutil.rmtree(directory)
            os._exit(0)  # what follows is not counted

        uvloop.run(run())


def count(tree: Path, kind: str, values: dict[str, Any], **environment: str) -> float:
    """Instructions for each request of a source tree's server."""
    found = []
    for requests in (FEWER, MORE):
        counting = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
        played = ["--play", str(requests), "--kind", kind, "--values", json.dumps(values)]
        done = subprocess.run(
            [*counting, "-m", "bench.instructions", *played],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{tree}/src", "PYTHONHASHSEED": "0", **environment},
            capture_output=True,
            text=True,
        )
        collected = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or collected is None:
            raise SystemExit(done.stderr[-2000:])
        found.append(int(collected[1]))
    return (found[1] - found[0]) / (MORE - FEWER)


def count_traced(kind: str) -> float:
    """Instructions for each request if 1 % of them are recorded and sent."""
    from bench.scenarios.callbacks import receiving  # the other tree may lack what it imports

    with receiving() as collector:
        address = f"http://127.0.0.1:{collector.port}"
        none, every = (
            count(ROOT, kind, TRACES, OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_TRACES_SAMPLER_ARG=share)
            for share in ("0", "1")
        )
    return none + SAMPLED * (every - none)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--kind", choices=["assign", "read", "keyed"], action="append", help="all by default")
    parser.add_argument("--tree", type=Path, help="compare this tree to another one, with metrics")
    parser.add_argument("--play", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--values", type=json.loads, default={}, help=argparse.SUPPRESS)
    given = parser.parse_args()
    kinds = given.kind or ["assign", "read", "keyed"]
    if given.play is not None:
        play(kinds[0], given.play, given.values)
    for kind in kinds:
        if kind == "keyed":
            found = {"without key": count(ROOT, "assign", {}), "with key": count(ROOT, kind, {})}
        elif given.tree is None:
            found = {name: count(ROOT, kind, values) for name, values in VARIANTS.items()}
            found["traces"] = count_traced(kind)
        else:
            found = {"other tree": count(given.tree.resolve(), kind, {}), "this tree": count(ROOT, kind, {})}
        base = next(iter(found.values()))
        for name, instructions in found.items():
            print(f"{kind:8}{name:12}{instructions:12,.0f} a request {instructions / base:8.3f}", flush=True)


if __name__ == "__main__":
    main()
