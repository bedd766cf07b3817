"""Campaigns for operators: the latest ones, counts and progress of their devices, and the changes allowed now."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar, cast

import msgspec

from fotapool.domain.campaigns.campaigns import NOT_STARTED, RUNNING, Campaign, CampaignStatus, Flow, decide_cancel
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.domain.paging import BEFORE_ALL
from fotapool.services.campaigns.reports import get_campaign
from fotapool.services.context import LAST_ID, Caller, Context
from fotapool.store.campaigns import campaign_views as store
from fotapool.store.campaigns.campaign_views import Counts
from fotapool.store.db.connection import Connection

SCAN_CAMPAIGNS = 5_000
"""Maximum number of campaigns that one page scans for those of a status."""
SCAN_DEVICES = 20_000
"""Maximum number of a campaign's devices that one page scans for those of a status."""
DEVICES_PER_READ = 1_000
MAX_SHORT_COUNT = 1_000
"""A campaign with at most so many devices is counted in a short read."""
MAX_UNCACHED = 10_000
"""Counts of campaigns with more devices are cached."""
CACHED_S = 10.0
"""How long the counts of a running campaign are cached, in seconds of real time."""
MAX_CACHED = 200
"""Maximum number of cached counts."""
STEPS = 200
"""Maximum number of points of a campaign's progress over time."""
_UUID_LENGTH = 36

Result = TypeVar("Result")


class ProgressPoint(msgspec.Struct, frozen=True):
    """Devices being upgraded at a time (ms), and devices that had ended by then, by result."""

    at_ms: int
    in_progress: int
    completed: int
    failed: int
    canceled: int
    """Canceled, or rejected by the checks."""


class Allowed(msgspec.Struct, frozen=True):
    """The changes of a campaign that are allowed now."""

    cancel: CampaignStatus | None
    """The status that canceling gives it, or None if it cannot be canceled any more."""
    start: bool
    end: bool


class CampaignCounts:
    """Counts the devices of campaigns; caches the counts of large ones."""

    def __init__(self) -> None:
        self._cached: OrderedDict[tuple[object, ...], tuple[float, Any]] = OrderedDict()

    async def counts(self, context: Context, campaign: Campaign) -> Counts:
        """The number of the campaign's devices by status."""
        read = context.reader.short if campaign.devices <= MAX_SHORT_COUNT else context.reader.long
        return await self._cached_or("counts", campaign, lambda: read(store.read_counts, campaign.id))

    async def reasons(self, context: Context, campaign: Campaign) -> dict[tuple[UpgradeStatus, Reason], int]:
        """Devices that ended without their upgrade, by status and reason, most frequent first."""
        return await self._cached_or("reasons", campaign, lambda: context.reader.long(store.read_reasons, campaign.id))

    async def progress(self, context: Context, campaign: Campaign) -> list[ProgressPoint]:
        """Up to STEPS points from the first device that began or ended; empty before that."""
        now_ms, read = context.clock.now_ms(), context.reader.long
        return await self._cached_or("progress", campaign, lambda: read(_read_progress, campaign, now_ms))

    async def _cached_or(self, what: str, campaign: Campaign, count: Callable[[], Awaitable[Result]]) -> Result:
        if campaign.devices <= MAX_UNCACHED:
            return await count()
        key = what, campaign.id, campaign.uuid, campaign.updated_ms, campaign.status, campaign.due_ms is None
        now_s = asyncio.get_running_loop().time()
        cached = self._cached.get(key)
        if cached is not None and now_s < cached[0]:
            return cast(Result, cached[1])
        found = await count()
        is_over = campaign.status not in RUNNING and campaign.due_ms is None
        self._cached[key] = (float("inf") if is_over else now_s + CACHED_S, found)
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        return found


def _read_progress(connection: Connection, campaign: Campaign, now_ms: int) -> list[ProgressPoint]:
    counts = store.read_counts(connection, campaign.id)
    if counts.first_ms is None or counts.last_ms is None:
        return []
    last_ms = max(counts.last_ms, now_ms if counts.open else 0)
    step_ms = (last_ms - counts.first_ms) // (STEPS - 2) + 1
    began, ended = store.read_course(connection, campaign.id, counts.first_ms, step_ms)
    return progress_points(
        from_ms=counts.first_ms,
        steps=(last_ms - counts.first_ms) // step_ms + 1,
        step_ms=step_ms,
        began=began,
        ended=ended,
    )


def progress_points(
    from_ms: int,
    steps: int,
    step_ms: int,
    began: Sequence[tuple[int, int]],
    ended: Sequence[tuple[int, UpgradeStatus, bool, int]],
) -> list[ProgressPoint]:
    """Sums up the changes of each step; the first point is before all changes."""
    changes = [[0, 0, 0, 0] for _ in range(steps)]
    for step, count in began:
        changes[step][0] += count
    column = {UpgradeStatus.COMPLETED: 1, UpgradeStatus.FAILED: 2}
    for step, status, had_begun, count in ended:
        changes[step][column.get(status, 3)] += count
        changes[step][0] -= count if had_begun else 0
    totals = zip(*(itertools.accumulate(column, initial=0) for column in zip(*changes, strict=True)), strict=True)
    return [ProgressPoint(from_ms + step * step_ms, *total) for step, total in enumerate(totals)]


async def find_campaign(context: Context, caller: Caller, uuid: str) -> Campaign:
    """The account's campaign, for operators. Raises NotFound."""
    try:
        if len(uuid) > _UUID_LENGTH or "\x00" in uuid:
            raise RequestRejected(ErrorCode.CAMPAIGN_UNKNOWN)
        return await get_campaign(context, caller, uuid.lower())
    except RequestRejected as error:
        raise NotFound(f"account {caller.account_name} has no campaign {uuid[:_UUID_LENGTH]}") from error


async def list_latest_campaigns(
    context: Context, caller: Caller, statuses: Collection[CampaignStatus], before: int | None, limit: int
) -> tuple[list[Campaign], int | None]:
    """The account's campaigns of these statuses, newest first, and the id before which the next page begins.

    That id is None at the end. A page scans SCAN_CAMPAIGNS at most, so a short or empty page need not be the last.
    """
    return await context.reader.short(
        store.read_latest_campaigns,
        caller.account_id,
        statuses,
        LAST_ID if before is None else before,
        SCAN_CAMPAIGNS,
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
    """The campaign's upgrades of this status and reason, by IMEI, and the IMEI after which the next page begins.

    That IMEI is None at the end. A page scans SCAN_DEVICES at most.
    """
    return await context.reader.short(
        store.read_upgrades_in,
        campaign.id,
        status,
        reason,
        BEFORE_ALL if after is None else after,
        SCAN_DEVICES,
        limit,
    )


async def stream_upgrades(
    context: Context, campaign: Campaign, status: UpgradeStatus | None, reason: Reason | None
) -> AsyncIterator[list[Upgrade]]:
    """All upgrades of this status and reason, by IMEI, in batches."""
    after: int | None = BEFORE_ALL
    while after is not None:
        rows, after = await context.reader.short(
            store.read_upgrades_in, campaign.id, status, reason, after, SCAN_DEVICES, DEVICES_PER_READ
        )
        yield rows


def allowed_changes(campaign: Campaign, now_ms: int) -> Allowed:
    """The changes that the rules U4, U6, U7 and U9 allow now."""
    try:
        cancel = decide_cancel(campaign, may_abort=True, now_ms=now_ms)
    except RequestRejected:
        cancel = None
    return Allowed(cancel, campaign.status in NOT_STARTED, campaign.status in RUNNING)


def next_event(campaign: Campaign) -> tuple[str, int | None]:
    """The campaign's next event as a clause, empty if there is none, and its time (ms), if it is known."""
    if campaign.status is CampaignStatus.PENDING:
        return "its devices are checked", campaign.due_ms
    if campaign.status in NOT_STARTED:
        if campaign.status is CampaignStatus.QUEUED and campaign.flow is Flow.NETWORK_AWARE:
            return "the network checks which of its devices it knows", campaign.due_ms
        return "it starts", campaign.start_ms
    if campaign.status is CampaignStatus.SCHEDULED:
        if campaign.due_ms is not None and campaign.due_ms < campaign.end_ms:
            return "the next of its simulated devices acts", campaign.due_ms
        return "it ends; devices that have not begun by then fail", campaign.end_ms
    if campaign.due_ms is not None:
        return "devices that have begun report their result, or fail", campaign.due_ms
    return "", None
