"""The cancellation candidate list: create, append, replace, read in pages, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.licenses.candidates import decide_candidates
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.paging import START, Page, check_record_number
from fotapool.services.context import Caller, Context
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.candidates import read_candidate_page, read_candidates, record_candidates
from fotapool.store.licenses.changes import LedgerChangeSet


@dataclass(frozen=True, slots=True)
class CandidateList:
    """How many candidates there are, when the list last changed (ms), and a page of their IMEIs."""

    count: int
    updated_ms: int
    page: Page[int]


class ListFacts:
    """An account's list as it is, and, once decided, as it will be."""

    def __init__(self, pool: Pool, current: list[int]) -> None:
        self.pool = pool
        self.current = current
        self.after: list[int] | None = None
        self.changes = LedgerChangeSet()
        self.now_ms = 0

    def record(self, connection: Connection) -> None:
        if self.after is not None:
            record_candidates(connection, pool=self.pool, before=self.current, after=self.after, now_ms=self.now_ms)
        self.changes.record(connection)


class _ChangeList(Command[list[int]]):
    inline = False

    def __init__(self, caller: Caller, device_ids: Sequence[int], append: bool) -> None:
        self._caller = caller
        self._device_ids = device_ids
        self._append = append
        self.account_ids = (caller.account_id,)
        self.auth_epoch = caller.auth_epoch
        self.devices = len(device_ids)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_ChangeList], now_ms: int) -> ListFacts:
        account_id = commands[0]._caller.account_id
        return ListFacts(pools[account_id], read_candidates(connection, account_id))

    def decide(self, facts: ListFacts, now_ms: int) -> list[int]:
        facts.after = decide_candidates(facts.current, self._device_ids, self._append)
        facts.now_ms = now_ms
        verb = "append candidates" if self._append else "replace candidates"
        facts.changes.note(facts.pool, self._caller.cause(verb, count=len(facts.after)), [], now_ms)
        return facts.after


async def append_candidates(context: Context, caller: Caller, device_ids: Sequence[int]) -> list[int]:
    """Adds the devices to the end of the list; answers the whole list."""
    return await context.writer.submit(_ChangeList(caller, device_ids, append=True))


async def replace_candidates(context: Context, caller: Caller, device_ids: Sequence[int]) -> list[int]:
    """Makes the devices the list; answers it."""
    return await context.writer.submit(_ChangeList(caller, device_ids, append=False))


async def delete_candidates(context: Context, caller: Caller) -> None:
    """Empties the list; an empty one stays as it is."""
    await context.writer.submit(_ChangeList(caller, [], append=False))


async def list_candidates(context: Context, caller: Caller, index: int) -> CandidateList:
    """The candidates from zero-based record number `index`. Raises RequestRejected(INDEX_TOO_HIGH)."""
    size = context.settings.page_size
    count, updated_ms, devices = await context.reader.short(read_candidate_page, caller.account_id, index, size)
    check_record_number(index, count)
    has_more = index + len(devices) < count
    return CandidateList(count, updated_ms, Page(devices, has_more, START))
