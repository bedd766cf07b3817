"""Scheduled changes of a subscription: scheduled, edited and canceled by operators, carried out by the worker.

A change and its mark as done are one transaction under the lock of the pool, so that it is carried out once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.scheduled_changes import (
    FailureCode,
    ScheduledChange,
    ScheduledState,
    canceled,
    check_account,
    check_open,
    check_scheduled,
    read_due_ms,
)
from fotapool.domain.accounts.subscriptions import SubscriptionChange, check_total
from fotapool.domain.errors import Conflict, Invalid, NotFound, RequestRejected
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts.accounts import check_not_closed, get_account, require_account
from fotapool.services.accounts.subscriptions import apply_change, describe_change, preview_change
from fotapool.services.audit_log.drafts import AuditDraft, Via
from fotapool.services.commands import DirectCommand, PoolCommand, PoolFacts, submit_unless_deleted
from fotapool.services.context import WORKER, Caller, Context
from fotapool.store.accounts import scheduled_changes as store
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.db.connection import Connection, StoreUnavailable

log = Log(__name__)

CARRY_OUT = "carryOutScheduledChange"
"""The action of the audit log."""
TARGET = "scheduled change"


class Plan(msgspec.Struct, frozen=True):
    """What an operator wants: when, as `read_due_ms` takes it, and the new total and purchase type; None: as it is."""

    due: str | None = None
    total: int | None = None
    purchase_type: PurchaseType | None = None


class CarriedOut(msgspec.Struct, frozen=True):
    """A change that is done or has failed, and the devices whose licenses it changed."""

    change: ScheduledChange
    devices: list[int]


async def schedule_change(context: Context, caller: Caller, plan: Plan) -> ScheduledChange:
    """Schedules a change. Raises Invalid, and Conflict if there are too many or one is due at that time."""
    if plan.due is None or (plan.total is None and plan.purchase_type is None):
        raise Invalid("the body must have dueTime, and licenseCount, purchaseType or both")
    due = plan.due

    def schedule(connection: Connection, now_ms: int) -> ScheduledChange:
        wanted = ScheduledChange(
            id=0,
            account_id=caller.account_id,
            due_ms=read_due_ms(due, now_ms),
            total=plan.total,
            purchase_type=plan.purchase_type,
            state=ScheduledState.SCHEDULED,
            operator=caller.actor,
            request_id=caller.request_id,
            created_ms=now_ms,
            updated_ms=now_ms,
            ended_ms=None,
            change_number=None,
            failure=None,
            reason="",
        )
        _check(connection, wanted)
        wanted = replace(wanted, id=store.record_new_change(connection, wanted))
        context.audit.about(TARGET, str(wanted.id), caller.account_name)
        context.audit.record(connection, now_ms, after=_described(wanted))
        return wanted

    return await context.writer.submit(DirectCommand(schedule, caller=caller))


def _check(connection: Connection, wanted: ScheduledChange) -> None:
    account = read_account_by_id(connection, wanted.account_id)
    if account is None:
        raise NotFound("the account does not exist")
    check_not_closed(account)
    if wanted.total is not None:
        check_total(PurchaseType.BOTH, wanted.total)
    check_scheduled(wanted, account.purchase_type, store.read_open_changes(connection, account.id))


def _described(change: ScheduledChange) -> dict[str, Any]:
    """The change as the audit log has it."""
    members = {
        "dueTime": format_timestamp(change.due_ms),
        "licenseCount": change.total,
        "purchaseType": change.purchase_type and change.purchase_type.value,
        "state": change.state.value,
    }
    return {name: value for name, value in members.items() if value is not None}


async def edit_change(context: Context, caller: Caller, change_id: int, plan: Plan) -> ScheduledChange:
    """Changes what the plan has. Raises NotFound, Invalid, and Conflict if the change has ended."""
    if plan == Plan():
        raise Invalid("the body must have dueTime, licenseCount or purchaseType")

    def edit(connection: Connection, now_ms: int) -> ScheduledChange:
        before = _require(connection, caller.account_id, change_id)
        check_open(before)
        after = replace(
            before,
            due_ms=before.due_ms if plan.due is None else read_due_ms(plan.due, now_ms),
            total=before.total if plan.total is None else plan.total,
            purchase_type=plan.purchase_type or before.purchase_type,
            operator=caller.actor,
            request_id=caller.request_id,
            updated_ms=now_ms,
        )
        _check(connection, after)
        store.record_change(connection, after)
        context.audit.record(connection, now_ms, _described(before), _described(after))
        return after

    return await context.writer.submit(DirectCommand(edit, caller=caller))


async def cancel_change(context: Context, caller: Caller, change_id: int) -> ScheduledChange:
    """Cancels a change. Raises NotFound, and Conflict if it has ended."""

    def cancel(connection: Connection, now_ms: int) -> ScheduledChange:
        before = _require(connection, caller.account_id, change_id)
        check_open(before)
        after = canceled(before, now_ms)
        store.record_change(connection, after)
        context.audit.record(connection, now_ms, _described(before), _described(after))
        return after

    return await context.writer.submit(DirectCommand(cancel, caller=caller))


def _require(connection: Connection, account_id: int, change_id: int) -> ScheduledChange:
    change = store.read_change(connection, account_id, change_id)
    if change is None:
        raise NotFound(f"scheduled change {change_id} does not exist")
    return change


async def get_change(context: Context, caller: Caller, change_id: int) -> ScheduledChange:
    """The account's scheduled change with this id. Raises NotFound."""
    return await context.reader.short(_require, caller.account_id, change_id)


async def list_changes(
    context: Context, account_name: str | None, state: ScheduledState | None, after: int, limit: int
) -> list[tuple[str, ScheduledChange]]:
    """Scheduled changes with the names of their accounts, by id, of one account or of all. Raises NotFound."""

    def read(connection: Connection) -> list[tuple[str, ScheduledChange]]:
        account_id = None if account_name is None else require_account(connection, account_name).id
        return store.read_changes(connection, account_id, state, after=after, limit=limit)

    return await context.reader.short(read)


async def list_open_changes(context: Context, account: Account) -> list[ScheduledChange]:
    """The account's changes that are still scheduled, the one that is due next first."""
    return await context.reader.short(store.read_open_changes, account.id)


async def list_ended_changes(context: Context, account: Account, limit: int) -> list[ScheduledChange]:
    """The account's latest changes that are done, have failed or were canceled."""
    return await context.reader.short(store.read_ended_changes, account.id, limit)


async def preview_now(context: Context, caller: Caller, change: ScheduledChange) -> SubscriptionChange:
    """What the change would do if it were carried out now.

    Raises Conflict if it has ended or the account is not active, and Invalid if the rules refuse it.
    """
    check_open(change)
    check_account((await get_account(context, caller.account_name)).status)
    return await preview_change(context, caller, change.total, change.purchase_type)


async def carry_out_due_change(context: Context) -> tuple[bool, CarriedOut | None]:
    """Carries out the change that has been due longest.

    Returns whether one was due that no other server holds, and what became of it; None if another server was faster.
    """
    if not await context.reader.short(store.read_is_due, context.clock.now_ms()):
        return False, None
    account_id = await context.writer.submit(DirectCommand(store.claim_account_with_due_change))
    if account_id is None:
        return False, None
    tried: list[ScheduledChange] = []

    def carry_out(facts: PoolFacts, now_ms: int) -> CarriedOut | None:
        # The account's first one, whichever was claimed: an account's changes are carried out in order.
        change = store.read_due_change(facts.connection, facts.pool.account_id, now_ms)
        if change is None:
            return None
        tried[:] = [change]
        return _carry_out(facts, change, now_ms)

    caller = Caller(WORKER, "", account_id)
    try:
        done = await submit_unless_deleted(context, PoolCommand(caller, carry_out, inline=False), None)
    except (StoreUnavailable, RequestRejected):
        raise
    except Exception as error:
        if not tried:
            raise
        done = await _give_up(context, caller, tried[0], repr(error))
    if done is not None and done.change.failure is not None:
        log.write(
            LogEvent.SCHEDULED_CHANGE_FAILED, id=done.change.id, failure=done.change.failure, reason=done.change.reason
        )
    return True, done


def _carry_out(facts: PoolFacts, change: ScheduledChange, now_ms: int) -> CarriedOut:
    connection, pool = facts.connection, facts.pool
    account = read_account_by_id(connection, pool.account_id)
    if account is None:
        raise NotFound("the account does not exist")
    caller = Caller(change.operator, change.request_id, account.id, account.name)
    try:
        check_account(account.status)
        done = apply_change(
            facts,
            caller,
            change.total,
            change.purchase_type,
            now_ms=now_ms,
            effective_ms=change.due_ms,
            scheduled=change.id,
        )
    except Conflict as error:
        return _record_failure(
            connection, account, change, failure=FailureCode.ACCOUNT_INACTIVE, reason=str(error), now_ms=now_ms
        )
    except Invalid as error:
        return _record_failure(
            connection, account, change, failure=FailureCode.SUBSCRIPTION_INVALID, reason=str(error), now_ms=now_ms
        )
    after = replace(change, state=ScheduledState.DONE, updated_ms=now_ms, ended_ms=now_ms, change_number=pool.changes)
    store.record_change(connection, after)
    subscription_before, subscription_after = describe_change(done)
    _audit(account, change).record(
        connection, now_ms, subscription_before, {**subscription_after, "change": pool.changes}
    )
    return CarriedOut(after, [entry.device for entry in done.decision.entries])


def _record_failure(
    connection: Connection, account: Account, change: ScheduledChange, failure: FailureCode, reason: str, now_ms: int
) -> CarriedOut:
    after = replace(
        change, state=ScheduledState.FAILED, updated_ms=now_ms, ended_ms=now_ms, failure=failure, reason=reason
    )
    store.record_change(connection, after)
    described = {**_described(after), "failure": failure.value, "reason": reason}
    _audit(account, change).record(connection, now_ms, _described(change), described)
    return CarriedOut(after, [])


def _audit(account: Account, change: ScheduledChange) -> AuditDraft:
    """The entry about the end of a change, in the name of the operator who scheduled it."""
    return AuditDraft(
        operator=change.operator,
        role="",
        via=Via.SERVER,
        address="",
        request_id=change.request_id,
        action=CARRY_OUT,
        account=account.name,
        target_kind=TARGET,
        target=str(change.id),
    )


async def _give_up(context: Context, caller: Caller, change: ScheduledChange, fault: str) -> CarriedOut | None:
    """Records that the change failed by a fault of the server, whose transaction was rolled back."""

    def give_up(facts: PoolFacts, now_ms: int) -> CarriedOut | None:
        connection = facts.connection
        account = read_account_by_id(connection, change.account_id)
        current = store.read_change(connection, change.account_id, change.id)
        if account is None or current is None or current.state is not ScheduledState.SCHEDULED:
            return None
        return _record_failure(connection, account, current, failure=FailureCode.INTERNAL, reason=fault, now_ms=now_ms)

    return await submit_unless_deleted(context, PoolCommand(caller, give_up), None)


async def next_change_due(context: Context) -> int | None:
    """When (ms) a change is next due, or None."""
    return await context.reader.short(store.read_next_due, context.clock.now_ms())
