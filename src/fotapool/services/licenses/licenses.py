"""Assigns, removes and lists licenses of an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import (
    LicenseDecision,
    LicenseFacts,
    Outcome,
    apply,
    decide_assign,
    decide_remove,
)
from fotapool.domain.paging import BEFORE_ALL, START, Page
from fotapool.services.context import Caller, Context
from fotapool.store.db.commands import Command, Pools
from fotapool.store.db.connection import Connection
from fotapool.store.licenses.licenses import LedgerChangeSet, read_license_facts, read_status_page

NOT_ASSIGNED = (Outcome.NO_FREE_LICENSE, Outcome.DEVICE_NOT_FOUND)
NOT_REMOVED = (
    Outcome.DEVICE_NOT_FOUND,
    Outcome.NO_LICENSE,
    Outcome.USED_BY_UPGRADE,
    Outcome.UPGRADE_IN_PROGRESS,
    Outcome.UNDER_NOTICE,
)


class LicenseResult(msgspec.Struct, frozen=True):
    """The outcome of each device in request order, and the pool's numbers after the request."""

    outcomes: list[Outcome]
    total: int
    used: int


class LicenseStatus(msgspec.Struct, frozen=True):
    """The pool's numbers and a page of its licenses: (IMEI, assignment time in ms)."""

    total: int
    used: int
    page: Page[tuple[int, int]]


class _SharedFacts:
    """The facts of all assign and remove commands of a run by account, and their changes."""

    def __init__(self, by_account: dict[int, LicenseFacts]) -> None:
        self.by_account = by_account
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)


class _LicenseCommand(Command[LicenseResult]):
    merges = True
    verb: ClassVar[str]

    def __init__(self, caller: Caller, device_ids: Sequence[int]) -> None:
        self._caller = caller
        self._device_ids = device_ids
        self.account_ids = (caller.account_id,)
        self.auth_epoch = caller.auth_epoch
        self.keyed = caller.keyed
        self.devices = len(device_ids)

    @classmethod
    def load(
        cls, connection: Connection, pools: Pools, commands: Sequence[_LicenseCommand], now_ms: int
    ) -> _SharedFacts:
        keys = [(command._caller.account_id, device) for command in commands for device in command._device_ids]
        return _SharedFacts(read_license_facts(connection, pools, keys))

    @staticmethod
    def rule(facts: LicenseFacts, device_ids: Sequence[int]) -> LicenseDecision:
        raise NotImplementedError

    def decide(self, facts: _SharedFacts, now_ms: int) -> LicenseResult:
        own = facts.by_account[self._caller.account_id]
        decision = self.rule(own, self._device_ids)
        if decision.entries:
            apply(own, decision)
            cause = self._caller.cause(self.verb)
            facts.changes.note(own.pool, cause, decision.entries, now_ms, canceled_upgrades=decision.canceled_upgrades)
        return LicenseResult(decision.outcomes, own.pool.total, own.pool.used)


class _Assign(_LicenseCommand):
    verb = "assign"
    rule = staticmethod(decide_assign)


class _Remove(_LicenseCommand):
    verb = "remove"
    rule = staticmethod(decide_remove)


Change = Callable[[Context, Caller, Sequence[int]], Awaitable[LicenseResult]]
"""`assign_licenses` or `remove_licenses`."""


async def assign_licenses(context: Context, caller: Caller, device_ids: Sequence[int]) -> LicenseResult:
    """Assigns licenses to the devices, in order, while licenses are free."""
    result = await context.writer.submit(_Assign(caller, device_ids))
    count_outcomes(context, caller.account_name, result.outcomes, NOT_ASSIGNED)
    return result


async def remove_licenses(context: Context, caller: Caller, device_ids: Sequence[int]) -> LicenseResult:
    """Removes the devices' unused licenses."""
    result = await context.writer.submit(_Remove(caller, device_ids))
    count_outcomes(context, caller.account_name, result.outcomes, NOT_REMOVED)
    return result


def count_outcomes(
    context: Context, account_name: str, outcomes: Sequence[Outcome], rejecting: Sequence[Outcome]
) -> None:
    """Counts the devices of a request whose outcome is among `rejecting`."""
    for outcome in rejecting:
        rejected = outcomes.count(outcome)
        if rejected:
            context.rejections.add(account_name, context.clock.now_ms() // DAY_MS, outcome.name, rejected)


async def read_licenses(context: Context, caller: Caller, cursor: int) -> LicenseStatus:
    """A page of licensed devices with IMEIs greater than the cursor.

    Raises RequestRejected(CURSOR_UNKNOWN) if the cursor is neither 0 nor a device of the account.
    """
    size = context.settings.page_size
    after = BEFORE_ALL if cursor == START else cursor
    total, used, known, rows = await context.reader.short(read_status_page, caller.account_id, after, size + 1)
    if cursor != START and not known:
        raise RequestRejected(ErrorCode.CURSOR_UNKNOWN)
    return LicenseStatus(total, used, Page.of(rows, size, lambda row: row[0]))
