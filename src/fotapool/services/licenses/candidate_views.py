"""The candidate list for operators: pages, and changes that fail if the list is not as it was shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fotapool.domain.errors import Conflict, Invalid, RequestRejected
from fotapool.domain.licenses.candidates import MAX_CANDIDATES, decide_candidates, list_mark
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.domain.names import format_device_id
from fotapool.services.audit_log.drafts import MAX_ITEMS
from fotapool.services.commands import PoolCommand, PoolFacts, pool_of
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.candidates import record_list
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.connection import Connection
from fotapool.store.licenses.candidate_views import CandidateRow, read_assigned, read_candidate_rows
from fotapool.store.licenses.candidates import read_candidates
from fotapool.store.licenses.licenses import read_license_facts

CANDIDATES_SHOWN = 500
"""Number of candidates on a page."""
DEVICES_PER_READ = 5_000

Arrange = Callable[[Sequence[int]], list[int]]
"""Returns the new list, from the present list. Raises Invalid or Conflict."""


class ListOutdated(Conflict):
    """The list changed since it was shown; nothing was changed."""


class ShownCandidates(msgspec.Struct, frozen=True):
    """A page of the list. A change of the list must send its `mark`."""

    count: int
    updated_ms: int
    first: int
    rows: list[CandidateRow]

    @property
    def mark(self) -> str:
        return list_mark(self.updated_ms, self.count, [row.device for row in self.rows])


class Unaffected(msgspec.Struct, frozen=True):
    """How many devices of a list cannot lose a license by it: not the account's, without license, under notice."""

    unknown: int
    unlicensed: int
    noticed: int


async def show_candidates(context: Context, account: Account, first: int) -> ShownCandidates:
    """The page of the list that begins with zero-based number `first`."""
    count, updated_ms, rows = await context.reader.short(read_candidate_rows, account.id, first, CANDIDATES_SHOWN)
    return ShownCandidates(count, updated_ms, first, rows)


async def list_all(context: Context, account: Account) -> list[int]:
    """The devices of the whole list, in its order."""
    return await context.reader.long(read_candidates, account.id)


async def arrange_candidates(context: Context, caller: Caller, arrange: Arrange, first: int, mark: str) -> list[int]:
    """Changes the list; returns it. `first` and `mark` are those of the page on which the change is based.

    Raises ListOutdated, Invalid or Conflict.
    """

    def change(facts: PoolFacts, now_ms: int) -> list[int]:
        before = read_candidates(facts.connection, caller.account_id)
        shown = before[first : first + CANDIDATES_SHOWN]
        if mark != list_mark(facts.pool.candidates_updated_ms, len(before), shown):
            raise ListOutdated("the list was changed since it was shown; nothing was changed")
        after = arrange(before)
        record_list(facts, caller=caller, verb="replace candidates", before=before, after=after, now_ms=now_ms)
        context.audit.record(facts.connection, now_ms, _shown(before), _shown(after))
        return after

    return await context.writer.submit(PoolCommand(caller, change, inline=False))


def _shown(devices: Sequence[int]) -> dict[str, object]:
    """The list as the audit log shows it: its length, and the first devices."""
    return {"count": len(devices), "devices": [format_device_id(one) for one in devices[:MAX_ITEMS]]}


def replacing(devices: Sequence[int]) -> Arrange:
    """Replaces the list by the devices, as the API does. Raises Invalid if they are too many."""
    return lambda current: _merged(current, devices, append=False)


def appending(devices: Sequence[int]) -> Arrange:
    """Adds the devices to the end, as the API does. Raises Invalid if they are too many."""
    return lambda current: _merged(current, devices, append=True)


def _merged(current: Sequence[int], devices: Sequence[int], append: bool) -> list[int]:
    try:
        return decide_candidates(current, devices, append)
    except RequestRejected as error:
        raise Invalid(f"a candidate list holds {MAX_CANDIDATES} devices at most") from error


async def read_unaffected(context: Context, account: Account, devices: Sequence[int]) -> Unaffected:
    """How many of the devices cannot lose a license; the list accepts these too, as the API does."""

    def read(connection: Connection) -> Unaffected:
        unknown = unlicensed = noticed = 0
        for first in range(0, len(devices), DEVICES_PER_READ):
            some = devices[first : first + DEVICES_PER_READ]
            keys = [(account.id, device) for device in some]
            facts = read_license_facts(connection, {account.id: pool_of(account)}, keys)[account.id]
            unknown += sum(device not in facts.devices for device in some)
            unlicensed += sum(device in facts.devices and device not in facts.licenses for device in some)
            noticed += sum(bool(state & LicenseState.NOTICE) for state in facts.licenses.values())
        return Unaffected(unknown, unlicensed, noticed)

    return await context.reader.long(read)


async def read_assigned_times(context: Context, account: Account, devices: Sequence[int]) -> dict[int, int]:
    """When (ms) each of the devices got its license, for those that hold one."""
    return await context.reader.short(read_assigned, account.id, devices)
