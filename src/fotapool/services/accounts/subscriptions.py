"""Changing an account's subscription: the same decision as a preview and as a deed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fotapool.domain.accounts.subscriptions import (
    Holder,
    SubscriptionChange,
    SubscriptionDecision,
    check_total,
    decide_raise,
    decide_reduction,
    reduction_need,
    withdrawable,
)
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account, read_account, read_account_by_id, record_purchase_type
from fotapool.store.billing import record_subscription
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.candidate_views import SubscriptionPeriod, read_periods
from fotapool.store.licenses.changes import LedgerChangeSet
from fotapool.store.licenses.licenses import read_oldest_holders, read_oldest_notices, read_reduction_candidates


class PreviewOutdated(Conflict):
    """What the operator was shown would not happen any more; nothing was changed."""


def _decide(
    connection: Connection, pool: Pool, total: int, now_ms: int, limit: int | None = None
) -> SubscriptionDecision:
    """The decision; with a limit, only its first entries: who comes later changes nothing about them."""
    need = reduction_need(pool, total)
    if not need:
        room = _at_most(withdrawable(pool, total), limit)
        return decide_raise(pool, total, read_oldest_notices(connection, pool.account_id, room))
    return decide_reduction(pool, total, _visited(connection, pool, _at_most(need, limit)), now_ms)


def _at_most(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _visited(connection: Connection, pool: Pool, need: int) -> Iterator[Holder]:
    """The holders in the order of a reduction, no more of them than it needs."""
    candidates = read_reduction_candidates(connection, pool.account_id, need) if pool.candidates else []
    yield from candidates
    if len(candidates) < need:
        yield from read_oldest_holders(connection, pool.account_id, need - len(candidates))


class _SubscriptionFacts:
    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.connection = connection
        self.pool = pool
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)


class _ChangeSubscription(Command[SubscriptionDecision]):
    inline = False

    def __init__(self, caller: Caller, total: int | None, purchase_type: PurchaseType | None, mark: str | None) -> None:
        self._caller = caller
        self._total = total
        self._purchase_type = purchase_type
        self._mark = mark
        self.account_ids = (caller.account_id,)

    @classmethod
    def load(
        cls, connection: Connection, pools: Pools, commands: Sequence[_ChangeSubscription], now_ms: int
    ) -> _SubscriptionFacts:
        return _SubscriptionFacts(connection, pools[commands[0]._caller.account_id])

    def decide(self, facts: _SubscriptionFacts, now_ms: int) -> SubscriptionDecision:
        pool = facts.pool
        account = read_account_by_id(facts.connection, pool.account_id)
        if account is None:
            raise NotFound("the account does not exist")
        purchase_type, total = _wanted(account.purchase_type, pool.total, self._total, self._purchase_type)
        decision = _decide(facts.connection, pool, total, now_ms)
        change = SubscriptionChange(pool.total, account.purchase_type, purchase_type, decision)
        if self._mark is not None and self._mark != change.mark:
            raise PreviewOutdated("things have changed since the preview; nothing was changed")
        before, pool.total, pool.subscription_updated_ms = pool.total, total, now_ms
        if (total, purchase_type) != (before, account.purchase_type):
            record_purchase_type(facts.connection, pool.account_id, purchase_type)
            record_subscription(
                facts.connection, account_id=pool.account_id, total=total, purchase_type=purchase_type, now_ms=now_ms
            )
        facts.changes.note(
            pool,
            self._caller.cause("change subscription", before=before, after=total),
            decision.entries,
            now_ms,
            canceled_upgrades=decision.canceled_upgrades,
            notice_until_ms=decision.notice_until_ms,
        )
        return decision


def _wanted(
    current_type: PurchaseType, current: int, total: int | None, purchase_type: PurchaseType | None
) -> tuple[PurchaseType, int]:
    wanted_type = purchase_type or current_type
    if total is None:
        total = current if wanted_type.has_monthly_licenses else 0
    check_total(wanted_type, total)
    return wanted_type, total


async def change_subscription(
    context: Context, caller: Caller, total: int | None, purchase_type: PurchaseType | None, mark: str | None = None
) -> SubscriptionDecision:
    """Sets the number of licenses; takes licenses, gives notice or withdraws it as the rules say. Raises Invalid.

    With the mark of a preview it does what that showed, or raises PreviewOutdated.
    """
    return await context.writer.submit(_ChangeSubscription(caller, total, purchase_type, mark))


async def preview_subscription(
    context: Context, caller: Caller, total: int | None, purchase_type: PurchaseType | None
) -> SubscriptionDecision:
    """What `change_subscription` would do now; changes nothing."""
    return (await preview_change(context, caller, total, purchase_type)).decision


async def preview_change(
    context: Context, caller: Caller, total: int | None, purchase_type: PurchaseType | None, limit: int | None = None
) -> SubscriptionChange:
    """The same with the subscription as it is; with a limit, only the first so many devices are decided on."""

    def decide(connection: Connection, now_ms: int) -> SubscriptionChange:
        account = read_account(connection, caller.account_name)
        if account is None:
            raise NotFound(f"account {caller.account_name} does not exist")
        wanted_type, wanted = _wanted(account.purchase_type, account.total, total, purchase_type)
        pool = Pool(
            account_id=account.id,
            total=account.total,
            used=account.used,
            notice=account.notice,
            entries=0,
            changes=0,
            candidates=account.candidates,
            candidates_updated_ms=0,
            subscription_updated_ms=0,
        )
        decision = _decide(connection, pool=replace(pool), total=wanted, now_ms=now_ms, limit=limit)
        return SubscriptionChange(account.total, account.purchase_type, wanted_type, decision)

    return await context.reader.long(decide, context.clock.now_ms())


async def list_periods(context: Context, account: Account, before: int, limit: int) -> list[SubscriptionPeriod]:
    """What the subscription was since when, latest first; those with a number below `before`."""
    return await context.reader.short(read_periods, account.id, before, limit)
