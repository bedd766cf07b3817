"""Servers on PostgreSQL servers that tests freeze, kill, promote and fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support.ledgers import write_seed
from support.load import CLIENTS, DEVICES, LICENSES
from support.postgres_servers import (
    PostgresServer,
    make_templates,
    primary_and_standby,
    server_directory,
    single_server,
)
from support.processes import ServerProcess

TIMEOUT_S = "2"
"""The servers' deadline for the database."""


@pytest.fixture(scope="session")
def templates() -> Iterator[Path]:
    with server_directory() as directory:
        make_templates(directory)
        yield directory


@pytest.fixture
def pair(templates: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with primary_and_standby(templates) as servers:
        yield servers


@pytest.fixture
def single(templates: Path) -> Iterator[PostgresServer]:
    with single_server(templates) as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts real servers on a database: `serve(url)`."""
    running: list[ServerProcess] = []
    options_of_all = ["--seed", write_seed(tmp_path, LICENSES, CLIENTS * DEVICES), "--drain-s", "0"]
    options_of_all += ["--database-timeout-s", TIMEOUT_S, "--storage", (tmp_path / "files").as_uri()]

    def start(url: str, *options: str, within: Sequence[str] = (), **environment: str) -> ServerProcess:
        given = ["--database", url, *options_of_all, *options]
        running.append(ServerProcess(tmp_path, *given, within=within, **environment))
        running[-1].wait_until_ready()
        return running[-1]

    yield start
    for server in running:
        assert server.stop() == 0, server.log
        assert "Traceback" not in server.log, server.log
