"""The candidate list as an operator arranges it: what was shown is what is changed, or nothing is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fotapool.domain.errors import Conflict, Invalid, RequestRejected
from fotapool.domain.licenses.candidates import MAX_CANDIDATES, decide_candidates, list_mark
from fotapool.domain.licenses.licenses import LicenseFacts, LicenseState, Pool
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.candidates import ListFacts
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.candidate_views import CandidateRow, read_assigned, read_candidate_rows
from fotapool.store.licenses.candidates import read_candidates
from fotapool.store.licenses.licenses import read_license_facts

CANDIDATES_SHOWN = 500
"""How many candidates a page has."""
DEVICES_A_LOOK = 5_000

Arrange = Callable[[Sequence[int]], list[int]]
"""The list as it is to be, from the list as it is. Raises Invalid or Conflict."""


class ListOutdated(Conflict):
    """The list was changed since it was shown; nothing was changed now."""


@dataclass(frozen=True, slots=True)
class ShownCandidates:
    """A page of the list; `mark` is to come with a change of it."""

    count: int
    updated_ms: int
    first: int
    rows: list[CandidateRow]

    @property
    def mark(self) -> str:
        return list_mark(self.updated_ms, self.count, [row.device for row in self.rows])


@dataclass(frozen=True, slots=True)
class Unaffected:
    """How many devices of a list cannot lose a license by it, and why."""

    unknown: int
    unlicensed: int
    noticed: int


async def show_candidates(context: Context, account: Account, first: int) -> ShownCandidates:
    """The page of the list that begins with number `first`, from 0."""
    count, updated_ms, rows = await context.reader.short(read_candidate_rows, account.id, first, CANDIDATES_SHOWN)
    return ShownCandidates(count, updated_ms, first, rows)


async def list_all(context: Context, account: Account) -> list[int]:
    """The devices of the whole list, in its order."""
    return await context.reader.long(read_candidates, account.id)


async def arrange_candidates(context: Context, caller: Caller, arrange: Arrange, first: int, mark: str) -> list[int]:
    """Changes the list as it was shown from number `first` on; answers it. Raises ListOutdated, Invalid, Conflict."""
    return await context.writer.submit(_Arrange(caller, arrange, first, mark))


def replacing(devices: Sequence[int]) -> Arrange:
    """Makes the devices the list, as the API does. Raises Invalid if they are too many."""
    return lambda current: _merged(current, devices, append=False)


def appending(devices: Sequence[int]) -> Arrange:
    """Adds the devices to the end, as the API does. Raises Invalid if they are too many."""
    return lambda current: _merged(current, devices, append=True)


def _merged(current: Sequence[int], devices: Sequence[int], append: bool) -> list[int]:
    try:
        return decide_candidates(current, devices, append)
    except RequestRejected as error:
        raise Invalid(f"a candidate list holds {MAX_CANDIDATES} devices at most") from error


class _Arrange(Command[list[int]]):
    inline = False

    def __init__(self, caller: Caller, arrange: Arrange, first: int, mark: str) -> None:
        self._caller = caller
        self._arrange = arrange
        self._first = first
        self._mark = mark
        self.account_ids = (caller.account_id,)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_Arrange], now_ms: int) -> ListFacts:
        account_id = commands[0]._caller.account_id
        return ListFacts(pools[account_id], read_candidates(connection, account_id))

    def decide(self, facts: ListFacts, now_ms: int) -> list[int]:
        pool, current = facts.pool, facts.current
        shown = current[self._first : self._first + CANDIDATES_SHOWN]
        if self._mark != list_mark(pool.candidates_updated_ms, len(current), shown):
            raise ListOutdated("the list was changed since it was shown; nothing was changed")
        facts.after = self._arrange(current)
        facts.now_ms = now_ms
        cause = self._caller.cause("replace candidates", count=len(facts.after))
        facts.changes.note(pool, cause, [], now_ms)
        return facts.after


async def read_unaffected(context: Context, account: Account, devices: Sequence[int]) -> Unaffected:
    """Which of the devices cannot lose a license: the list takes them all the same, as the API does."""

    def read(connection: Connection) -> Unaffected:
        pool = Pool(
            account_id=account.id,
            total=0,
            used=0,
            notice=0,
            entries=0,
            changes=0,
            candidates=0,
            candidates_updated_ms=0,
            subscription_updated_ms=0,
        )
        unknown = unlicensed = noticed = 0
        for first in range(0, len(devices), DEVICES_A_LOOK):
            some = devices[first : first + DEVICES_A_LOOK]
            keys = [(account.id, device) for device in some]
            facts: LicenseFacts = read_license_facts(connection, {account.id: pool}, keys)[account.id]
            unknown += sum(device not in facts.devices for device in some)
            unlicensed += sum(device in facts.devices and device not in facts.licenses for device in some)
            noticed += sum(bool(state & LicenseState.NOTICE) for state in facts.licenses.values())
        return Unaffected(unknown, unlicensed, noticed)

    return await context.reader.long(read)


async def read_assigned_times(context: Context, account: Account, devices: Sequence[int]) -> dict[int, int]:
    """When (ms) each of the devices that hold a license got it; for a page of them."""
    return await context.reader.short(read_assigned, account.id, devices)
