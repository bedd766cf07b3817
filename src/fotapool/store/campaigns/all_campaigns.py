"""Campaigns of all accounts: running ones first, then scheduled ones, then those that are over."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from fotapool.domain.campaigns.campaigns import NOT_STARTED, Campaign, CampaignStatus
from fotapool.store.campaigns.campaigns import read_campaign_by_id
from fotapool.store.campaigns.tallies import Tally, read_tallies
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import exists, fetch_int, fetch_text, fetch_values, numbers

ORDER: tuple[frozenset[CampaignStatus], ...] = (
    frozenset({CampaignStatus.SCHEDULED}),
    NOT_STARTED,
    frozenset(CampaignStatus) - NOT_STARTED - {CampaignStatus.SCHEDULED},
)
"""The groups of states in the order of the list; in each, the newest campaign is first."""
_GROUP = 2**48
MAX_COUNTED = 10_000


class ListedCampaign(msgspec.Struct, frozen=True):
    """A campaign with its account and tally; `position` is its place in the list."""

    campaign: Campaign
    account_name: str
    tally: Tally
    position: int


def position_of(status: CampaignStatus, campaign_id: int) -> int:
    """The place of a campaign in the list: lower ones come first."""
    group = next(place for place, statuses in enumerate(ORDER) if status in statuses)
    return group * _GROUP + _GROUP - 1 - campaign_id


def read_all_campaigns(
    connection: Connection,
    statuses: Collection[CampaignStatus],
    after: int,
    limit: int,
    package_id: int | None = None,
) -> list[ListedCampaign]:
    """Campaigns of these states, and of the package, with positions above `after`, in order."""
    positions: list[int] = []
    for group, members in enumerate(ORDER):
        if after >= (group + 1) * _GROUP or len(positions) >= limit:
            continue
        below = min(_GROUP, (group + 1) * _GROUP - 1 - after)
        for status in members & set(statuses):
            sql = f"""SELECT id FROM campaign WHERE {_of(package_id)} status = {status:d} AND id < :below
                ORDER BY id DESC LIMIT :limit"""
            ids = fetch_values(connection, sql, below=below, limit=limit)
            positions += [position_of(status, one) for one in ids]
    return _listed(connection, [_GROUP - 1 - position % _GROUP for position in sorted(positions)[:limit]])


def _of(package_id: int | None) -> str:
    return "" if package_id is None else f"package_id = {package_id:d} AND"


def _listed(connection: Connection, ids: Sequence[int]) -> list[ListedCampaign]:
    tallies = read_tallies(connection, ids)
    names: dict[int, str] = {}
    listed = []
    for campaign_id in ids:
        campaign = read_campaign_by_id(connection, campaign_id)
        if campaign is None:
            continue
        if campaign.account_id not in names:
            sql = "SELECT name FROM account WHERE id = :id"
            names[campaign.account_id] = fetch_text(connection, sql, id=campaign.account_id) or ""
        listed.append(
            ListedCampaign(
                campaign=campaign,
                account_name=names[campaign.account_id],
                tally=tallies.get(campaign_id, Tally()),
                position=position_of(campaign.status, campaign_id),
            )
        )
    return listed


def read_failing_campaigns(connection: Connection, percent: int, least: int, limit: int) -> list[ListedCampaign]:
    """Running campaigns of which more than this share of at least so many finished devices has failed, worst first."""
    sql = f"""SELECT c.id FROM campaign c CROSS JOIN campaign_tally t
        WHERE c.status = {CampaignStatus.SCHEDULED:d} AND t.campaign_id = c.id AND t.completed + t.failed >= :least
        AND t.failed * 100 > (t.completed + t.failed) * :percent
        ORDER BY t.failed * 100 / (t.completed + t.failed) DESC, c.id LIMIT :limit"""
    return _listed(connection, fetch_values(connection, sql, percent=percent, least=least, limit=limit))


def count_campaigns(connection: Connection, statuses: Collection[CampaignStatus], package_id: int | None = None) -> int:
    """The number of campaigns of these states, and of the package, up to MAX_COUNTED + 1."""
    sql = f"""SELECT count(*) FROM (SELECT 1 FROM campaign WHERE {_of(package_id)} status IN ({numbers(statuses)})
        LIMIT {MAX_COUNTED + 1}) c"""
    return fetch_int(connection, sql) or 0


def count_upgrading(connection: Connection) -> int:
    """The number of devices in progress in running campaigns."""
    sql = f"""SELECT CAST(sum(t.in_progress) AS BIGINT) FROM campaign c CROSS JOIN campaign_tally t
        WHERE c.status = {CampaignStatus.SCHEDULED:d} AND t.campaign_id = c.id"""
    return fetch_int(connection, sql) or 0


def has_overdue(connection: Connection, before_ms: int) -> bool:
    """Whether a campaign's next step was due before the time (ms)."""
    sql = "SELECT 1 FROM campaign WHERE due_ms IS NOT NULL AND due_ms < :before LIMIT 1"
    return exists(connection, sql, before=before_ms)
