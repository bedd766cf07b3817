"""Campaigns as people look at them: the latest, how their devices stand and came there, and what may be changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fotapool.domain.campaigns.campaigns import NOT_STARTED, RUNNING, Campaign, CampaignStatus, Flow, decide_cancel
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.errors import RequestRejected
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns import campaign_views as store
from fotapool.store.campaigns.campaign_views import Counts
from fotapool.store.db.connection import Connection

LOOKED_CAMPAIGNS = 5_000
"""Through how many campaigns one page looks for those of a status."""
LOOKED_DEVICES = 20_000
"""Through how many of a campaign's devices one page looks for those of a status."""
DEVICES_A_READ = 1_000
COUNTED_SHORTLY = 1_000
"""A campaign of at most so many devices is counted as quickly as a page of rows is read."""
ALWAYS_COUNTED = 10_000
"""A campaign of at most so many devices is counted for each page; of a larger one the count is kept for a while."""
CACHED_S = 10.0
"""How long the count of a large campaign that still runs is shown again, in seconds of real time."""
MAX_KEPT = 200
"""Of how many campaigns the counts are kept."""
STEPS = 200
"""How many points a campaign's course over time has at most."""
LAST_ID = 2**62

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """How many devices were being upgraded at a moment (ms), and how many had ended, in which way."""

    at_ms: int
    in_progress: int
    completed: int
    failed: int
    canceled: int
    """Canceled, or rejected by the checks."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be changed of a campaign now."""

    cancel: CampaignStatus | None
    """What canceling would make of it, or None where that can't be done any more."""
    start: bool
    end: bool


class CampaignCounts:
    """Counts campaigns' devices, and keeps the counts of large campaigns for a while."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], tuple[float, Any]] = OrderedDict()

    async def counts(self, context: Context, campaign: Campaign) -> Counts:
        """How the campaign's devices stand."""

        async def count() -> Counts:
            read = context.reader.short if campaign.devices <= COUNTED_SHORTLY else context.reader.long
            return await read(store.read_counts, campaign.id)

        return await self._known("counts", campaign, count)

    async def reasons(self, context: Context, campaign: Campaign) -> dict[tuple[UpgradeStatus, Reason], int]:
        """Why devices ended without their upgrade, most frequent first."""

        async def count() -> dict[tuple[UpgradeStatus, Reason], int]:
            return await context.reader.long(store.read_reasons, campaign.id)

        return await self._known("reasons", campaign, count)

    async def course(self, context: Context, campaign: Campaign) -> list[CoursePoint]:
        """How the campaign went: up to STEPS points from the first device that began or ended; empty before that."""

        async def count() -> list[CoursePoint]:
            return await context.reader.long(_read_course, campaign, context.clock.now_ms())

        return await self._known("course", campaign, count)

    async def _known(self, what: str, campaign: Campaign, count: Callable[[], Awaitable[Result]]) -> Result:
        if campaign.devices <= ALWAYS_COUNTED:
            return await count()
        key = what, campaign.id, campaign.uuid, campaign.updated_ms, campaign.status, campaign.due_ms is None
        now_s = asyncio.get_running_loop().time()
        kept = self._kept.get(key)
        if kept is not None and now_s < kept[0]:
            found: Result = kept[1]
            return found
        found = await count()
        is_over = campaign.status not in RUNNING and campaign.due_ms is None
        self._kept[key] = (float("inf") if is_over else now_s + CACHED_S, found)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found


def _read_course(connection: Connection, campaign: Campaign, now_ms: int) -> list[CoursePoint]:
    counts = store.read_counts(connection, campaign.id)
    if counts.first_ms is None or counts.last_ms is None:
        return []
    last_ms = max(counts.last_ms, now_ms if counts.open else 0)
    step_ms = (last_ms - counts.first_ms) // (STEPS - 2) + 1
    began, ended = store.read_course(connection, campaign.id, counts.first_ms, step_ms)
    return course_of(
        from_ms=counts.first_ms,
        steps=(last_ms - counts.first_ms) // step_ms + 1,
        step_ms=step_ms,
        began=began,
        ended=ended,
    )


def course_of(
    from_ms: int,
    steps: int,
    step_ms: int,
    began: Sequence[tuple[int, int]],
    ended: Sequence[tuple[int, UpgradeStatus, bool, int]],
) -> list[CoursePoint]:
    """Sums up what happened in each step; the first point is before all of it."""
    changes = [[0, 0, 0, 0] for _ in range(steps)]
    for step, count in began:
        changes[step][0] += count
    column = {UpgradeStatus.COMPLETED: 1, UpgradeStatus.FAILED: 2}
    for step, status, had_begun, count in ended:
        changes[step][column.get(status, 3)] += count
        changes[step][0] -= count if had_begun else 0
    points = [CoursePoint(at_ms=from_ms, in_progress=0, completed=0, failed=0, canceled=0)]
    standing = [0, 0, 0, 0]
    for step, change in enumerate(changes):
        standing = [before + more for before, more in zip(standing, change, strict=True)]
        points.append(CoursePoint(from_ms + (step + 1) * step_ms, *standing))
    return points


async def list_latest_campaigns(
    context: Context, caller: Caller, statuses: Collection[CampaignStatus], before: int | None, limit: int
) -> tuple[list[Campaign], int | None]:
    """The account's campaigns in these states, newest first, and the id before which to go on (None: no more).

    A page may be short, or empty, and there are more all the same: it looks through LOOKED_CAMPAIGNS at most.
    """
    return await context.reader.short(
        store.read_latest_campaigns,
        caller.account_id,
        statuses,
        LAST_ID if before is None else before,
        LOOKED_CAMPAIGNS,
        limit,
    )


async def list_upgrades(
    context: Context,
    campaign: Campaign,
    status: UpgradeStatus | None,
    reason: Reason | None,
    after: int | None,
    limit: int,
) -> tuple[list[Upgrade], int | None]:
    """The campaign's devices in this state and for this reason, by IMEI, and the IMEI after which to go on.

    It looks through LOOKED_DEVICES at most.
    """
    return await context.reader.short(
        store.read_upgrades_in,
        campaign.id,
        status,
        reason,
        BEFORE_ALL if after is None else after,
        LOOKED_DEVICES,
        limit,
    )


async def stream_upgrades(
    context: Context, campaign: Campaign, status: UpgradeStatus | None, reason: Reason | None
) -> AsyncIterator[list[Upgrade]]:
    """All of them, in batches."""
    after: int | None = BEFORE_ALL
    while after is not None:
        rows, after = await context.reader.short(
            store.read_upgrades_in, campaign.id, status, reason, after, LOOKED_DEVICES, DEVICES_A_READ
        )
        yield rows


def allowed_changes(campaign: Campaign, now_ms: int) -> Allowed:
    """What the rules U4, U6, U7 and U9 allow now."""
    try:
        cancel = decide_cancel(campaign, may_abort=True, now_ms=now_ms)
    except RequestRejected:
        cancel = None
    return Allowed(cancel, campaign.status in NOT_STARTED, campaign.status in RUNNING)


def next_event(campaign: Campaign) -> tuple[str, int | None]:
    """What happens to the campaign next by itself, as a sentence without its end, and when (ms), if that is known."""
    if campaign.status is CampaignStatus.PENDING:
        return "its devices are checked", campaign.due_ms
    if campaign.status in NOT_STARTED:
        if campaign.status is CampaignStatus.QUEUED and campaign.flow is Flow.NETWORK_AWARE:
            return "it is looked at which of its devices the network knows", campaign.due_ms
        return "it starts", campaign.start_ms
    if campaign.status is CampaignStatus.SCHEDULED:
        if campaign.due_ms is not None and campaign.due_ms < campaign.end_ms:
            return "the next of its simulated devices does something", campaign.due_ms
        return "it ends; devices that have not begun by then have failed", campaign.end_ms
    if campaign.due_ms is not None:
        return "devices that have begun report how it went, or are given up", campaign.due_ms
    return "", None
