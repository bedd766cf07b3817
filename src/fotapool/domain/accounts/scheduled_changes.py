"""Scheduled changes of a subscription: their states and limits, and whether one can be carried out."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fotapool.core.timestamps import DAY_MS, MAX_CLOCK_MS, parse_timestamp
from fotapool.domain.accounts.subscriptions import check_total
from fotapool.domain.billing import next_billing_month_ms
from fotapool.domain.errors import Conflict, Invalid
from fotapool.domain.names import AccountStatus, PurchaseType

MAX_SCHEDULED = 20
"""Maximum number of changes that are scheduled for one account."""
MAX_AHEAD_DAYS = 731
"""How far ahead a change may be scheduled: two years."""
NEXT_BILLING_MONTH = "nextBillingMonth"
"""In place of a time: the start of the next billing month."""


class ScheduledState(enum.StrEnum):
    """The state of a scheduled change; only `scheduled` ones change."""

    SCHEDULED = "scheduled"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


class FailureCode(enum.StrEnum):
    """Why a change was not carried out when it was due."""

    ACCOUNT_INACTIVE = "account_inactive"
    SUBSCRIPTION_INVALID = "subscription_invalid"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """A change of a subscription at a time. Times in ms; total or purchase type is None if it stays as it is then."""

    id: int
    account_id: int
    due_ms: int
    total: int | None
    purchase_type: PurchaseType | None
    state: ScheduledState
    operator: str
    """Who scheduled it, or edited it last; the ledger and the audit log name them as the actor."""
    request_id: str
    """The request with which they did."""
    created_ms: int
    updated_ms: int
    ended_ms: int | None
    """When it was done, failed or was canceled."""
    change_number: int | None
    """The ledger's number of the change once it is done."""
    failure: FailureCode | None
    reason: str
    """What the failure was, for people."""


def read_due_ms(text: str, now_ms: int) -> int:
    """The time (ms) of RFC 3339 text, or of NEXT_BILLING_MONTH. Raises Invalid if it is past or too far ahead."""
    if text == NEXT_BILLING_MONTH:
        return next_billing_month_ms(now_ms)
    try:
        due_ms = parse_timestamp(text)
    except ValueError as error:
        example = f"2026-12-01T00:00:00Z, or {NEXT_BILLING_MONTH}"
        raise Invalid(f"dueTime must be a time as in {example}, not {text[:40]!r}") from error
    if due_ms <= now_ms:
        raise Invalid("dueTime is in the past: change the subscription instead")
    if due_ms > min(now_ms + MAX_AHEAD_DAYS * DAY_MS, MAX_CLOCK_MS):
        raise Invalid(f"dueTime may be at most {MAX_AHEAD_DAYS} days ahead")
    return due_ms


def check_scheduled(wanted: ScheduledChange, current_type: PurchaseType, others: Iterable[ScheduledChange]) -> None:
    """Raises Invalid or Conflict if the change cannot be scheduled besides the account's other scheduled changes."""
    others = [one for one in others if one.id != wanted.id]
    if len(others) >= MAX_SCHEDULED:
        raise Conflict(f"the account has {MAX_SCHEDULED} scheduled changes: cancel some")
    for one in others:
        if one.due_ms == wanted.due_ms:
            raise Conflict(f"scheduled change {one.id} is due at that time: edit or cancel it")
    expected_type = current_type
    for one in sorted(others, key=lambda other: other.due_ms):
        if one.due_ms < wanted.due_ms:
            expected_type = one.purchase_type or expected_type
    if wanted.total is not None:
        check_total(wanted.purchase_type or expected_type, wanted.total)


def check_open(change: ScheduledChange) -> None:
    """Raises Conflict if the change has ended."""
    if change.state is not ScheduledState.SCHEDULED:
        raise Conflict(f"scheduled change {change.id} is {change.state.value}: it cannot be edited or canceled")


def canceled(change: ScheduledChange, now_ms: int) -> ScheduledChange:
    """The change as it is once it was canceled."""
    return replace(change, state=ScheduledState.CANCELED, updated_ms=now_ms, ended_ms=now_ms)


def check_account(status: AccountStatus) -> None:
    """Raises Conflict if changes of an account with this status are not carried out."""
    if status is not AccountStatus.ACTIVE:
        raise Conflict(f"the account is {status.value}")
