"""Campaigns of all accounts, for operators."""

from __future__ import annotations

from collections.abc import Collection

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.campaigns import all_campaigns as store
from fotapool.store.campaigns.all_campaigns import ListedCampaign
from fotapool.store.db.connection import Connection

FAILING_PERCENT = 5
"""A running campaign with a higher share of failed devices needs attention."""
LEAST_FINISHED = 5
"""It has finished at least so many devices, so that one device is no share."""


async def list_all_campaigns(
    context: Context, statuses: Collection[CampaignStatus], after: int, limit: int
) -> list[ListedCampaign]:
    """Campaigns of these states after a position (0: from the first): running, scheduled, ended; newest first."""
    return await context.reader.short(store.read_all_campaigns, statuses, after, min(limit, OPERATOR_PAGE + 1))


async def count_by_group(context: Context) -> list[int]:
    """The number of campaigns that run, are scheduled and are over, each up to store.MAX_COUNTED + 1."""

    def read(connection: Connection) -> list[int]:
        return [store.count_campaigns(connection, statuses) for statuses in store.ORDER]

    return await context.reader.short(read)


def failure_percent(listed: ListedCampaign) -> float | None:
    """The share of failed devices among those that finished; None if none has."""
    tally = listed.tally
    return 100 * tally.failed / tally.finished if tally.finished else None
