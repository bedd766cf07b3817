"""Rejections of an account by reason and day: counted in memory, written from time to time."""

from __future__ import annotations

from collections import Counter

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.accounts.accounts import Account
from fotapool.store.accounts.rejections import read_rejections, record_rejections

MAX_REASONS = 100
_BEFORE_ACCESS = frozenset(list(ErrorCode)[: list(ErrorCode).index(ErrorCode.ACCOUNT_INACTIVE)])
"""Errors raised before it is known that the caller may use the account. Not counted: anybody could cause them."""


class RejectionSummary(msgspec.Struct, frozen=True):
    """A reason as text, and how many requests (or single devices of requests) were rejected for it."""

    reason: str
    of_devices: bool
    rejected: int


def count_rejection(context: Context, account_name: str, code: ErrorCode) -> None:
    """Counts a rejected request of the account."""
    if code not in _BEFORE_ACCESS and account_name:
        context.rejections.add(account_name, context.clock.now_ms() // DAY_MS, code.name)


async def flush_rejections(context: Context) -> None:
    """Writes the counts. If that fails, they are restored to the counter."""
    counts = context.rejections.drain()
    if not counts:
        return
    try:
        await context.writer.submit(DirectCommand(lambda connection, _: record_rejections(connection, counts)))
    except BaseException:
        context.rejections.restore(counts)
        raise


async def list_rejections(context: Context, account: Account, days: int) -> list[RejectionSummary]:
    """The account's rejections of the last `days` days, today included, most frequent reason first.

    Includes what this process has not written yet; counts of other processes may be some seconds old.
    """
    first_day = context.clock.now_ms() // DAY_MS - days + 1
    counts = Counter(dict(await context.reader.short(read_rejections, account.id, first_day, MAX_REASONS)))
    for count in context.rejections.of_account(account.name, first_day):
        counts[count.reason] += count.rejected
    summaries = [_summary(reason, rejected) for reason, rejected in counts.items()]
    return sorted(summaries, key=lambda one: (-one.rejected, one.reason))


def _summary(reason: str, rejected: int) -> RejectionSummary:
    if reason in Outcome.__members__:
        return RejectionSummary(Outcome[reason].value, True, rejected)
    return RejectionSummary(ErrorCode[reason].value if reason in ErrorCode.__members__ else reason, False, rejected)
