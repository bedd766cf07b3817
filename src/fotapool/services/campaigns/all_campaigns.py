"""Campaigns of all accounts, for operators."""

from __future__ import annotations

from collections.abc import Collection

from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.services.packages.packages import get_package
from fotapool.store.campaigns import all_campaigns as store
from fotapool.store.campaigns.all_campaigns import ListedCampaign
from fotapool.store.db.connection import Connection

FAILING_PERCENT = 5
"""A running campaign with a higher share of failed devices needs attention."""
LEAST_FINISHED = 5
"""Finished devices from which on a share of failed ones means something."""


async def list_all_campaigns(
    context: Context, statuses: Collection[CampaignStatus], after: int, limit: int, package: str = ""
) -> list[ListedCampaign]:
    """Campaigns of these states after a position (0: from the first): running, scheduled, ended; newest first.

    With the name of a package, only those that install it. Raises NotFound for an unknown package.
    """
    package_id = await _package_id(context, package)
    most = min(limit, OPERATOR_PAGE + 1)
    return await context.reader.short(store.read_all_campaigns, statuses, after, most, package_id)


async def count_by_group(context: Context, package: str = "") -> list[int]:
    """The number of campaigns that run, are scheduled and are over, each up to store.MAX_COUNTED + 1.

    With the name of a package, only those that install it. Raises NotFound for an unknown package.
    """
    package_id = await _package_id(context, package)

    def read(connection: Connection) -> list[int]:
        return [store.count_campaigns(connection, statuses, package_id) for statuses in store.ORDER]

    return await context.reader.short(read)


async def _package_id(context: Context, package: str) -> int | None:
    return (await get_package(context, package)).id if package else None


def failure_percent(listed: ListedCampaign) -> float | None:
    """The share of failed devices among those that finished; None if none has."""
    tally = listed.tally
    return 100 * tally.failed / tally.finished if tally.finished else None
