"""Changes an account's subscription; the preview and the change make the same decision."""

from __future__ import annotations

from collections.abc import Collection

from fotapool.domain.accounts.subscriptions import (
    NOTICE_KINDS,
    RECLAIM_KINDS,
    RemovalOrder,
    SubscriptionChange,
    SubscriptionDecision,
    check_total,
    decide_raise,
    decide_reduction,
    reduction_need,
    withdrawable,
)
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts.accounts import check_not_closed, require_account
from fotapool.services.commands import PoolCommand, PoolFacts, pool_of
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account, read_account_by_id, record_purchase_type
from fotapool.store.billing import record_subscription
from fotapool.store.db.connection import Connection
from fotapool.store.licenses.candidate_views import SubscriptionPeriod, read_periods
from fotapool.store.licenses.licenses import (
    Cause,
    read_oldest_holders,
    read_oldest_notices,
    read_open_statuses,
    read_reduction_candidates,
)

MAX_NUMBER = 2**62


class PreviewOutdated(Conflict):
    """The preview that the operator saw is outdated; nothing was changed. `change` is the current preview."""

    def __init__(self, change: SubscriptionChange) -> None:
        super().__init__("the preview is outdated: the change would have another effect now; nothing was changed")
        self.change = change


def _decide(
    connection: Connection, pool: Pool, total: int, now_ms: int, limit: int | None = None
) -> SubscriptionDecision:
    """The decision; with a limit, only its first entries, which do not depend on later ones."""
    need = reduction_need(pool, total)
    if not need:
        room = _at_most(withdrawable(pool, total), limit)
        return decide_raise(pool, total, read_oldest_notices(connection, pool.account_id, room))
    return decide_reduction(pool, total, _removal_order(connection, pool, _at_most(need, limit)), now_ms)


def _at_most(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _removal_order(connection: Connection, pool: Pool, need: int) -> RemovalOrder:
    """The order of a reduction, at most as many devices as it needs."""
    candidates = read_reduction_candidates(connection, pool.account_id, need) if pool.candidates else []
    oldest = read_oldest_holders(connection, pool, need - len(candidates)) if len(candidates) < need else []
    return RemovalOrder(candidates, oldest, read_open_statuses(connection, pool.account_id, [*candidates, *oldest]))


def _wanted(
    current_type: PurchaseType, current: int, total: int | None, purchase_type: PurchaseType | None
) -> tuple[PurchaseType, int]:
    wanted_type = purchase_type or current_type
    if total is None:
        total = current if wanted_type.has_monthly_licenses else 0
    check_total(wanted_type, total)
    return wanted_type, total


async def change_subscription(
    context: Context,
    caller: Caller,
    total: int | None,
    purchase_type: PurchaseType | None,
    marks: Collection[str] | None = None,
) -> SubscriptionChange:
    """Sets the number of licenses; takes licenses, gives notice or withdraws it as the rules say. Raises Invalid.

    With marks of previews it does what one of them showed, or raises PreviewOutdated.
    """

    def change(facts: PoolFacts, now_ms: int) -> SubscriptionChange:
        planned = apply_change(facts, caller, total, purchase_type, now_ms=now_ms, marks=marks)
        context.audit.record(facts.connection, now_ms, *describe_change(planned))
        return planned

    return await context.writer.submit(PoolCommand(caller, change, inline=False))


def apply_change(
    facts: PoolFacts,
    caller: Caller,
    total: int | None,
    purchase_type: PurchaseType | None,
    *,
    now_ms: int,
    marks: Collection[str] | None = None,
    effective_ms: int | None = None,
    **detail: int,
) -> SubscriptionChange:
    """Decides and records the change as one change of the ledger, with `detail`, in the caller's transaction.

    Statements count it from `effective_ms` on if that is given, but not before earlier changes. Raises NotFound,
    Invalid and PreviewOutdated before it writes.
    """
    pool, connection = facts.pool, facts.connection
    account = read_account_by_id(connection, pool.account_id)
    if account is None:
        raise NotFound("the account does not exist")
    check_not_closed(account)
    new_type, new_total = _wanted(account.purchase_type, pool.total, total, purchase_type)
    planned = plan_change(
        connection, pool=pool, account=account, total=new_total, now_ms=now_ms, purchase_type=new_type
    )
    _check_shown(planned, marks)
    cause = caller.cause("change subscription", before=planned.before, after=new_total, **detail)
    record_change(facts, account=account, change=planned, cause=cause, now_ms=now_ms, effective_ms=effective_ms)
    return planned


def plan_change(
    connection: Connection,
    pool: Pool,
    account: Account,
    total: int,
    now_ms: int,
    purchase_type: PurchaseType | None = None,
) -> SubscriptionChange:
    """The change to the total and the purchase type (None: as it is) by the rules, which `record_change` makes."""
    decision = _decide(connection, pool, total, now_ms)
    return SubscriptionChange(pool.total, account.purchase_type, purchase_type or account.purchase_type, decision)


def record_change(
    facts: PoolFacts,
    account: Account,
    change: SubscriptionChange,
    cause: Cause,
    now_ms: int,
    effective_ms: int | None = None,
) -> None:
    """Changes the pool, and notes the change of its licenses in the ledger.

    Statements count it from `effective_ms` on if that is given, but not before earlier changes.
    """
    pool, decision = facts.pool, change.decision
    pool.total, pool.subscription_updated_ms = decision.total, now_ms
    if (decision.total, change.purchase_type) != (change.before, change.before_type):
        record_purchase_type(facts.connection, account.id, change.purchase_type)
        record_subscription(
            facts.connection,
            account_id=account.id,
            total=decision.total,
            purchase_type=change.purchase_type,
            now_ms=_start_ms(facts.connection, account.id, effective_ms, now_ms),
        )
    facts.changes.note(
        pool,
        cause,
        decision.entries,
        now_ms,
        canceled_upgrades=decision.canceled_upgrades,
        notice_until_ms=decision.notice_until_ms,
    )


def _start_ms(connection: Connection, account_id: int, effective_ms: int | None, now_ms: int) -> int:
    """When the new period begins: not before the one that it ends."""
    if effective_ms is None:
        return now_ms
    return max(effective_ms, *(one.from_ms for one in read_periods(connection, account_id, MAX_NUMBER, 1)))


def describe_change(change: SubscriptionChange) -> tuple[dict[str, object], dict[str, object]]:
    """The subscription before and after the change, as the audit log has it."""
    return (
        {"licenseCount": change.before, "purchaseType": change.before_type.value},
        {
            "licenseCount": change.decision.total,
            "purchaseType": change.purchase_type.value,
            **_effects(change.decision),
        },
    )


def _effects(decision: SubscriptionDecision) -> dict[str, int]:
    """The numbers of devices that the change concerned, without those that are 0."""
    counts = {
        "reclaimed": decision.count(*RECLAIM_KINDS),
        "putUnderNotice": decision.count(*NOTICE_KINDS),
        "noticesWithdrawn": decision.count(EntryKind.NOTICE_WITHDRAWN),
        "upgradesCanceled": len(decision.canceled_upgrades),
    }
    return {name: count for name, count in counts.items() if count}


def _check_shown(change: SubscriptionChange, marks: Collection[str] | None) -> None:
    if marks is not None and change.mark not in marks:
        raise PreviewOutdated(change)


async def preview_change(
    context: Context,
    caller: Caller,
    total: int | None,
    purchase_type: PurchaseType | None,
    marks: Collection[str] | None = None,
    limit: int | None = None,
) -> SubscriptionChange:
    """The change that `change_subscription` would make now; with a limit, it decides on the first devices only.

    With marks of earlier previews, raises PreviewOutdated unless it is still what one of them showed.
    """

    def decide(connection: Connection, now_ms: int) -> SubscriptionChange:
        account = require_account(connection, caller.account_name)
        new_type, new_total = _wanted(account.purchase_type, account.total, total, purchase_type)
        decision = _decide(connection, pool=pool_of(account), total=new_total, now_ms=now_ms, limit=limit)
        planned = SubscriptionChange(account.total, account.purchase_type, new_type, decision)
        _check_shown(planned, marks)
        return planned

    return await context.reader.long(decide, context.clock.now_ms())


async def list_periods(context: Context, account: Account, before: int, limit: int) -> list[SubscriptionPeriod]:
    """The periods of the subscription with numbers below `before`, latest first."""
    return await context.reader.short(read_periods, account.id, before, limit)
