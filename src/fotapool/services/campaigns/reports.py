"""Reads campaigns: one, lists by status, their devices, and the upgrade history of a device."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import msgspec

from fotapool.domain.campaigns.campaigns import HISTORY_MS, Campaign, CampaignStatus
from fotapool.domain.campaigns.upgrades import Upgrade
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.paging import BEFORE_ALL, START, Page, check_record_number
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns.campaigns import read_campaign, read_campaign_by_id, read_campaigns
from fotapool.store.campaigns.upgrades import read_all_of_campaign, read_campaign_devices, read_device_history
from fotapool.store.db.connection import Connection

MAX_DEVICES_SHOWN = 100_000
"""Maximum number of devices of a campaign where the API has no pages for them (v1)."""
MAX_HISTORY = 1_000
"""Maximum number of upgrades of a device's history, the latest ones."""


class CampaignWithDevices(msgspec.Struct, frozen=True):
    """A campaign and its devices' upgrades by IMEI."""

    campaign: Campaign
    upgrades: list[Upgrade]


class CampaignUpgrade(msgspec.Struct, frozen=True):
    """An upgrade and its campaign."""

    campaign: Campaign
    upgrade: Upgrade


def _known(campaign: Campaign | None, uuid: str) -> Campaign:
    if campaign is None:
        raise RequestRejected(ErrorCode.CAMPAIGN_UNKNOWN, uuid)
    return campaign


async def get_campaign(context: Context, caller: Caller, uuid: str) -> Campaign:
    """The account's campaign. Raises RequestRejected(CAMPAIGN_UNKNOWN)."""
    return _known(await context.reader.short(read_campaign, caller.account_id, uuid), uuid)


async def get_campaign_with_devices(context: Context, caller: Caller, uuid: str) -> CampaignWithDevices:
    """A campaign with up to MAX_DEVICES_SHOWN devices. Raises RequestRejected(CAMPAIGN_UNKNOWN)."""

    def read(connection: Connection) -> CampaignWithDevices:
        campaign = _known(read_campaign(connection, caller.account_id, uuid), uuid)
        return CampaignWithDevices(campaign, read_all_of_campaign(connection, campaign.id, MAX_DEVICES_SHOWN))

    return await context.reader.long(read)


def _page_reader(
    context: Context, caller: Caller, statuses: Collection[CampaignStatus], size: int
) -> Callable[..., list[Campaign]]:
    """Reads a page of the last six months' campaigns, and one more."""
    since_ms = context.clock.now_ms() - HISTORY_MS
    return partial(read_campaigns, account_id=caller.account_id, statuses=statuses, since_ms=since_ms, limit=size + 1)


async def list_campaigns(
    context: Context, caller: Caller, statuses: Collection[CampaignStatus], last_seen: str | None
) -> tuple[list[Campaign], bool]:
    """A page of the last six months' campaigns of these statuses, oldest first, and whether there are more.

    `last_seen` is the UUID of the last campaign of the previous page. Raises RequestRejected(CAMPAIGN_UNKNOWN).
    """
    size = context.settings.page_size
    read_page = _page_reader(context, caller, statuses, size)

    def read(connection: Connection) -> list[Campaign]:
        after = 0
        if last_seen is not None:
            after = _known(read_campaign(connection, caller.account_id, last_seen), last_seen).id
        return read_page(connection, after=after, skipped=0)

    found = await context.reader.short(read)
    return found[:size], len(found) > size


async def list_campaigns_by_number(
    context: Context, caller: Caller, statuses: Collection[CampaignStatus], index: int
) -> tuple[list[CampaignWithDevices], bool]:
    """A page like that of `list_campaigns`, from a zero-based record number on, and with the campaigns' devices.

    A page ends early at MAX_DEVICES_SHOWN devices. Raises RequestRejected(INDEX_TOO_HIGH).
    """
    size = min(context.settings.page_size, 100)
    read_page = _page_reader(context, caller, statuses, size)

    def read(connection: Connection) -> tuple[list[CampaignWithDevices], bool]:
        campaigns = read_page(connection, after=0, skipped=index)
        check_record_number(index, index + len(campaigns))
        found: list[CampaignWithDevices] = []
        room = MAX_DEVICES_SHOWN
        for campaign in campaigns[:size]:
            if found and campaign.devices > room:
                break
            found.append(CampaignWithDevices(campaign, read_all_of_campaign(connection, campaign.id, room)))
            room -= len(found[-1].upgrades)
        return found, len(campaigns) > len(found)

    return await context.reader.long(read)


async def list_campaign_devices(
    context: Context, caller: Caller, uuid: str, cursor: int
) -> tuple[Campaign, Page[Upgrade]]:
    """A page of the campaign's devices with IMEIs greater than the cursor.

    Raises RequestRejected: CAMPAIGN_UNKNOWN, or CURSOR_UNKNOWN if the cursor is neither 0 nor a device of the account.
    """
    size = context.settings.page_size
    after = BEFORE_ALL if cursor == START else cursor

    def read(connection: Connection) -> tuple[Campaign, bool, list[Upgrade]]:
        campaign = _known(read_campaign(connection, caller.account_id, uuid), uuid)
        return campaign, *read_campaign_devices(
            connection,
            account_id=caller.account_id,
            campaign_id=campaign.id,
            after=after,
            cursor=cursor,
            limit=size + 1,
        )

    campaign, known, rows = await context.reader.short(read)
    if cursor != START and not known:
        raise RequestRejected(ErrorCode.CURSOR_UNKNOWN)
    return campaign, Page.of(rows, size, lambda upgrade: upgrade.imei)


async def list_device_history(context: Context, caller: Caller, device: int) -> list[CampaignUpgrade]:
    """The device's upgrades of the last six months, oldest first (rule U16). Raises RequestRejected(DEVICE_UNKNOWN)."""
    since_ms = context.clock.now_ms() - HISTORY_MS

    def read(connection: Connection) -> list[CampaignUpgrade]:
        known, upgrades = read_device_history(
            connection, account_id=caller.account_id, device=device, since_ms=since_ms, limit=MAX_HISTORY
        )
        if not known:
            raise RequestRejected(ErrorCode.DEVICE_UNKNOWN)
        ids = {upgrade.campaign_id for upgrade in upgrades}
        campaigns = {campaign_id: read_campaign_by_id(connection, campaign_id) for campaign_id in ids}
        found = ((campaigns[upgrade.campaign_id], upgrade) for upgrade in upgrades)
        return [CampaignUpgrade(campaign, upgrade) for campaign, upgrade in found if campaign is not None]

    return await context.reader.short(read)
