"""The cancellation candidate list: create, append, replace, read in pages, delete."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.licenses.candidates import decide_candidates
from fotapool.domain.paging import START, Page, check_record_number
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.store.licenses.candidates import read_candidate_page, read_candidates, record_candidates


class CandidateList(msgspec.Struct, frozen=True):
    """The number of candidates, when the list last changed (ms), and a page of their IMEIs."""

    count: int
    updated_ms: int
    page: Page[int]


async def append_candidates(context: Context, caller: Caller, device_ids: Sequence[int]) -> list[int]:
    """Adds the devices to the end of the list; returns the whole list."""
    return await _change(context, caller, device_ids, append=True)


async def replace_candidates(context: Context, caller: Caller, device_ids: Sequence[int]) -> list[int]:
    """Replaces the list by the devices; returns it."""
    return await _change(context, caller, device_ids, append=False)


async def delete_candidates(context: Context, caller: Caller) -> None:
    """Empties the list."""
    await _change(context, caller, [], append=False)


async def _change(context: Context, caller: Caller, device_ids: Sequence[int], append: bool) -> list[int]:
    def change(facts: PoolFacts, now_ms: int) -> list[int]:
        check_open(facts.connection, caller.account_id)
        before = read_candidates(facts.connection, caller.account_id)
        after = decide_candidates(before, device_ids, append)
        verb = "append candidates" if append else "replace candidates"
        record_list(facts, caller=caller, verb=verb, before=before, after=after, now_ms=now_ms)
        return after

    return await context.writer.submit(PoolCommand(caller, change, devices=len(device_ids), inline=False))


def record_list(
    facts: PoolFacts, caller: Caller, verb: str, before: Sequence[int], after: Sequence[int], now_ms: int
) -> None:
    """Records the changed list, and the change in the ledger."""
    record_candidates(facts.connection, pool=facts.pool, before=before, after=after, now_ms=now_ms)
    facts.changes.note(facts.pool, caller.cause(verb, count=len(after)), [], now_ms)


async def list_candidates(context: Context, caller: Caller, index: int) -> CandidateList:
    """The candidates from zero-based record number `index`. Raises RequestRejected(INDEX_TOO_HIGH)."""
    size = context.settings.page_size
    count, updated_ms, devices = await context.reader.short(read_candidate_page, caller.account_id, index, size)
    check_record_number(index, count)
    return CandidateList(count, updated_ms, Page(devices, index + len(devices) < count, START))
