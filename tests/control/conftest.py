"""One server a module and database, for tests of refusals and of what they can do beside each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fotapool.app import Server
from fotapool.clock import FixedClock, MovableClock
from fotapool.settings import Settings
from helpers import NOW_MS, OPERATOR, SEED, Api, seed_file
from servers import DATABASES, ServerInThread, with_database


@contextmanager
def _database(kind: str, directory: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{directory}/shared.db"
        return
    template: str = request.getfixturevalue("postgres_template")
    url: str = request.getfixturevalue("postgres_url")
    name = f"fotapool_control_{os.getpid()}_{directory.name.replace('-', '_')}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        yield with_database(url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module", params=DATABASES)
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database that starts empty, for all tests of the module."""
    with _database(request.param, tmp_path_factory.mktemp("control"), request) as url:
        yield url


@pytest.fixture(scope="module")
def shared(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The module's emulator with the published examples' account, signed in."""
    seed = seed_file(tmp_path_factory.mktemp("seed"), SEED)
    settings = Settings(database=shared_url, emulator=True, operator_key=OPERATOR, seed=seed)
    server = Server(settings, MovableClock(FixedClock(NOW_MS)))
    running = ServerInThread(server)
    api = Api(running.client, server)
    api.sign_in()
    yield api
    running.stop()
