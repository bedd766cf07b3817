"""Errors of the database are counted by kind, where the writer and the reader meet them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fotapool.core.telemetry.exposition import as_text, counted_metrics
from fotapool.core.telemetry.metrics import Metrics
from fotapool.services.commands import DirectCommand
from fotapool.store.db.connection import (
    Collided,
    Connection,
    ConnectionLost,
    ConstraintViolated,
    OutcomeUnknown,
    StoreUnavailable,
)
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.schema import prepare
from fotapool.store.db.writer import Writer
from support.metrics import Scrape

ERRORS: dict[str, type[Exception]] = {
    "unavailable": StoreUnavailable,
    "connection_lost": ConnectionLost,
    "deadlock": Collided,
    "constraint": ConstraintViolated,
    "outcome_unknown": OutcomeUnknown,
}


def failing(error: type[Exception]) -> Callable[..., None]:
    def fail(connection: Connection, now_ms: int = 0) -> None:
        raise error("as the test says")

    return fail


def counts(metrics: Metrics) -> dict[str, float]:
    found = Scrape(as_text(counted_metrics(metrics)).decode())
    name = "fotapool_database_errors_total"
    return {kind: found.value(name, kind=kind) for kind in found.values(name, "kind")}


@pytest.mark.parametrize(("kind", "error"), ERRORS.items())
def test_changes_that_fail_are_counted(database_url: str, kind: str, error: type[Exception]) -> None:
    metrics = Metrics()
    database = open_database(database_url, durable=False)
    with closing(database.connect()) as connection:
        prepare(connection)

    async def play() -> None:
        writer = Writer(database, lambda: 7, metrics=metrics)
        try:
            with pytest.raises(error):
                await writer.submit(DirectCommand(failing(error)))
        finally:
            await writer.stop()

    asyncio.run(play())
    assert set(counts(metrics)) == {kind}
    tries = {Collided: 6, ConstraintViolated: 2}  # another server may have written the same rows
    assert counts(metrics)[kind] == tries.get(error, 1)


def test_reads_that_fail_are_counted_each_time_they_are_tried(database_url: str) -> None:
    metrics = Metrics()
    database = open_database(database_url, durable=False)
    with closing(database.connect()) as connection:
        prepare(connection)

    async def play() -> None:
        reader = Reader(database, metrics=metrics)
        for error in (StoreUnavailable, ConnectionLost):
            with pytest.raises(error):
                await reader.short(failing(error))
        reader.stop()

    asyncio.run(play())
    assert counts(metrics) == {"unavailable": 1, "connection_lost": 2}


def test_a_database_that_cannot_be_opened_is_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    database = open_database(f"sqlite:///{tmp_path}/a.db", durable=False)
    database.connect().close()
    (tmp_path / "a.db").unlink()

    async def play() -> None:
        reader = Reader(database, metrics=metrics)
        with pytest.raises(StoreUnavailable):
            await reader.short(failing(ConstraintViolated))
        reader.stop()

    asyncio.run(play())
    assert counts(metrics) == {"unavailable": 1}
