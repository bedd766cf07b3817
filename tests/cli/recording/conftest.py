"""A recording proxy in front of an emulator, and comparisons of what it recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from fotapool.core.clock import FixedClock
from fotapool.recording.pairs import RecordingFile
from fotapool.recording.proxy import Proxy, Recorder, open_client
from fotapool.recording.redaction import Redactor
from support.helpers import NOW_MS, Api
from support.servers import ServerInThread


class Recording:
    """A proxy that records, as `fotapool record` runs one, with its clock where the tests' emulators have theirs."""

    def __init__(self, path: Path, upstream: str) -> None:
        self.path = path
        self._file = RecordingFile(path)
        self.clock = FixedClock(NOW_MS)
        recorder = Recorder(self._file, Redactor(b"salt of a test"))
        proxy = Proxy(upstream, recorder, self.clock, lambda: open_client(is_local=True))
        self._server = ServerInThread(SimpleNamespace(app=proxy))  # type: ignore[arg-type]
        self.address = self._server.address
        self.api = Api(self._server.client)

    def stop(self) -> None:
        self._server.stop()
        self._file.close()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def pairs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()[1:]]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: what is recorded does not depend on the database behind it."""
    return f"sqlite:///{tmp_path}/recorded.db"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Callable[[str], Recording]]:
    """`record(address)` starts a proxy to the server there."""
    running: list[Recording] = []

    def start(address: str) -> Recording:
        running.append(Recording(tmp_path / f"recording-{len(running)}.jsonl", address))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def compare() -> Callable[..., Result]:
    """`compare(path, "--json")` runs the command."""

    def run(path: Path, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["compare", str(path), *arguments])

    return run
