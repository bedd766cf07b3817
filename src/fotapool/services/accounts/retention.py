"""Deletes what is older than the settings say, in the background and when an operator asks; counts it before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.settings import Settings
from fotapool.core.telemetry.definitions import PURGED_ROWS
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.retention import Kind, before_ms
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.accounts.retention import Step, count_old_rows, delete_old_rows
from fotapool.store.db.connection import Connection

log = Log(__name__)

ROWS_PER_STEP = 2_000
"""Maximum number of rows that one transaction deletes, or looks at."""
STEPS_PER_RUN = 100
"""Maximum number of transactions of a run in the background, or of a request, for each kind."""
MAX_COUNTED = 100_000
"""Rows that would be deleted are counted up to here."""


class RetentionView(msgspec.Struct, frozen=True):
    """A kind with its setting (days, 0 for ever), the time before which it is deleted (ms), and how many rows that is.

    `rows` is counted up to MAX_COUNTED.
    """

    kind: Kind
    days: int
    before_ms: int | None
    rows: int


class Purged(msgspec.Struct, frozen=True):
    """How many rows of a kind were deleted, and whether none is left that is old enough."""

    kind: Kind
    deleted: int
    complete: bool


def retention_days(settings: Settings) -> dict[Kind, int]:
    """For how many days each kind is stored; 0 for ever."""
    return {
        Kind.CHECK_INS: settings.check_in_retention_days,
        Kind.DEVICE_LOGS: settings.device_log_retention_days,
        Kind.CALLBACKS: settings.callback_retention_days,
        Kind.AUDIT_LOG: settings.audit_log_retention_days,
        Kind.UPGRADES: settings.upgrade_retention_days,
        Kind.REJECTIONS: settings.rejection_retention_days,
        Kind.UNDO: settings.undo_retention_days,
    }


def _limits(context: Context) -> dict[Kind, int | None]:
    now_ms = context.clock.now_ms()
    return {kind: before_ms(days, now_ms) for kind, days in retention_days(context.settings).items()}


async def read_retention(context: Context) -> list[RetentionView]:
    """Each kind with its setting, and how many rows a purge would delete now."""
    days, limits = retention_days(context.settings), _limits(context)

    def read(connection: Connection) -> list[RetentionView]:
        return [
            RetentionView(
                kind, days[kind], limit, 0 if limit is None else count_old_rows(connection, kind, limit, MAX_COUNTED)
            )
            for kind, limit in limits.items()
        ]

    return await context.reader.long(read)


async def purge_old_data(
    context: Context, kinds: Collection[Kind] = tuple(Kind), steps: int | None = STEPS_PER_RUN
) -> list[Purged]:
    """Deletes what is older than its setting says, in up to `steps` transactions for each kind (None: any number)."""
    done: list[Purged] = []
    for kind, limit in _limits(context).items():
        if kind in kinds and limit is not None:
            done.append(await _purge(context, kind, limit_ms=limit, steps=steps, before=done))
    return done


async def _purge(context: Context, kind: Kind, limit_ms: int, steps: int | None, before: Sequence[Purged]) -> Purged:
    counts = {one.kind.value: one.deleted for one in before}
    deleted, taken, more = 0, 0, True
    try:
        while more and (steps is None or taken < steps):
            step = await _step(context, kind, limit_ms, {**counts, kind.value: deleted})
            deleted, taken, more = deleted + step.deleted, taken + 1, step.more
    finally:
        if deleted:
            context.metrics.count(PURGED_ROWS, kind.value, by=float(deleted))
            log.write(LogEvent.DATA_PURGED, kind=kind.value, rows=deleted, before=format_timestamp(limit_ms))
    return Purged(kind, deleted, not more)


async def _step(context: Context, kind: Kind, limit_ms: int, counts: Mapping[str, int]) -> Step:
    """One transaction. The audit log's entry, of an operator's purge, says how many rows of each kind that makes."""

    def delete(connection: Connection, now_ms: int) -> Step:
        step = delete_old_rows(connection, kind, limit_ms, ROWS_PER_STEP)
        after = {**counts, kind.value: counts[kind.value] + step.deleted}
        context.audit.record(connection, now_ms, after=after)
        return step

    step = await context.writer.submit(DirectCommand(delete, alone=True, devices=ROWS_PER_STEP, inline=False))
    context.audit.committed()
    return step
