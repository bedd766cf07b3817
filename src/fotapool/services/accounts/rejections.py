"""What an account was refused, by reason and day: counted as it happens, written now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import DAY_MS
from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.accounts.accounts import Account
from fotapool.store.accounts.rejections import read_rejections, record_rejections

MAX_REASONS = 100
NOT_ASSIGNED = (Outcome.NO_FREE_LICENSE, Outcome.DEVICE_NOT_FOUND)
NOT_REMOVED = (
    Outcome.DEVICE_NOT_FOUND,
    Outcome.NO_LICENSE,
    Outcome.USED_BY_UPGRADE,
    Outcome.UPGRADE_IN_PROGRESS,
    Outcome.UNDER_NOTICE,
)
_NOT_THE_ACCOUNTS = frozenset(list(ErrorCode)[: list(ErrorCode).index(ErrorCode.ACCOUNT_INACTIVE)])
"""Reasons that come before it is known that the caller may use the account: anybody could make these up."""


@dataclass(frozen=True, slots=True)
class RejectionSummary:
    """A reason in words, and how many requests, or single devices of requests, were refused for it."""

    reason: str
    of_devices: bool
    rejected: int


def count_rejection(context: Context, account_name: str, refusal: ErrorCode) -> None:
    """A whole request about the account was refused."""
    if refusal not in _NOT_THE_ACCOUNTS and account_name:
        context.refusals.add(account_name, context.clock.now_ms() // DAY_MS, refusal.name)


def count_outcomes(
    context: Context, account_name: str, outcomes: Sequence[Outcome], refusals: Sequence[Outcome]
) -> None:
    """Devices of a request to assign or remove licenses fared so; `refusals` are what counts of it."""
    for outcome in refusals:
        rejected = outcomes.count(outcome)
        if rejected:
            context.refusals.add(account_name, context.clock.now_ms() // DAY_MS, outcome.name, rejected)


async def flush_rejections(context: Context) -> None:
    """Writes what was counted; if that fails it is kept for the next time."""
    counts = context.refusals.take()
    if not counts:
        return
    try:
        await context.writer.submit(DirectCommand(lambda connection, _: record_rejections(connection, counts)))
    except BaseException:
        context.refusals.put_back(counts)
        raise


async def read_refused(context: Context, account: Account, days: int) -> list[RejectionSummary]:
    """What the account was refused on the last days, today among them, the most frequent reason first.

    What this process has not written yet is added; of other processes up to some seconds are missing.
    """
    first_day = context.clock.now_ms() // DAY_MS - days + 1
    rows = await context.reader.short(read_rejections, account.id, first_day, MAX_REASONS)
    found = dict(rows)
    for count in context.refusals.waiting(account.name, first_day):
        found[count.reason] = found.get(count.reason, 0) + count.rejected
    named = [_named(reason, rejected) for reason, rejected in found.items()]
    return sorted(named, key=lambda one: (-one.rejected, one.reason))


def _named(reason: str, rejected: int) -> RejectionSummary:
    if reason in Outcome.__members__:
        return RejectionSummary(Outcome[reason].value, True, rejected)
    words = ErrorCode[reason].value if reason in ErrorCode.__members__ else reason
    return RejectionSummary(words, False, rejected)
