"""The time of a change is read under the locks of its accounts, so that times of an account never run backwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fotapool.domain.names import PurchaseType
from fotapool.services.commands import DirectCommand
from fotapool.store.accounts.accounts import record_account
from fotapool.store.db.connection import Connection, Database, Row
from fotapool.store.db.writer import Writer
from store.conftest import Connect


class Waiting:
    """A database in which the locks are held by another server until `lock_until_ms`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.now_ms = 1_000

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def connect(self, writes: bool = False) -> Connection:
        connection = self._database.connect(writes)
        lock_pools = connection.lock_pools

        def waiting(account_ids: Sequence[int]) -> tuple[int, list[Row]]:
            locked = lock_pools(account_ids)
            self.now_ms = 1_042
            return locked

        connection.lock_pools = waiting  # type: ignore[method-assign]
        return connection


def test_the_clock_is_read_after_the_locks_were_waited_for(connect: Connect, database: Database) -> None:
    connection = connect()
    connection.begin()
    account_id = record_account(connection, name="a", purchase_type=PurchaseType.MRC, total=1, now_ms=1)
    connection.commit()
    waiting = Waiting(database)

    async def play() -> int:
        writer = Writer(waiting, lambda: waiting.now_ms)
        try:
            return await writer.submit(DirectCommand(lambda _, now_ms: now_ms, (account_id,)))
        finally:
            await writer.stop()

    assert asyncio.run(play()) == 1_042
