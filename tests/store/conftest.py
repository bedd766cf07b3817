"""One prepared database and connections to it, which are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fotapool.store.db.connection import Connection, Database
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare

Connect = Callable[[], Connection]


@pytest.fixture
def database(database_url: str) -> Database:
    return open_database(database_url, durable=False)


@pytest.fixture
def connect(database: Database) -> Iterator[Connect]:
    """Opens writing connections to the prepared database."""
    opened: list[Connection] = []

    def connect_one() -> Connection:
        opened.append(database.connect(writes=True))
        return opened[-1]

    prepare(connect_one())
    yield connect_one
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect()
