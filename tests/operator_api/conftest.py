"""One server a module and database, for tests of refusals and of what they can do beside each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from support.helpers import NOW_MS, OPERATOR, SEED, Api, seed_file
from support.servers import DATABASES, ServerInThread, prepared_database


@pytest.fixture(scope="module", params=DATABASES)
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database that starts empty, for all tests of the module."""
    with prepared_database(request, tmp_path_factory.mktemp("control"), "control") as url:
        yield url


@pytest.fixture(scope="module")
def shared(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The module's emulator with the published examples' account, signed in."""
    directory = tmp_path_factory.mktemp("shared")
    settings = Settings(
        database=shared_url,
        emulator=True,
        operator_key=OPERATOR,
        seed=seed_file(directory, SEED),
        storage=(directory / "files").as_uri(),
    )
    server = Server(settings, MovableClock(FixedClock(NOW_MS)))
    running = ServerInThread(server)
    api = Api(running.client, server)
    api.sign_in()
    yield api
    running.stop()
