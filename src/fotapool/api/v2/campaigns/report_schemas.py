"""Version 2's words and shapes of reports (SDK models V2CampaignHistory, DeviceSoftwareUpgrade, V2CampaignDevice)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v2.campaigns.schemas import CampaignSoftware, campaign_software
from fotapool.api.v2.campaigns.statuses import CAMPAIGN_STATUS, device_words
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import Page
from fotapool.services.campaigns.reports import CampaignUpgrade


class CampaignHistory(msgspec.Struct):
    """`campaignList` holds campaigns of every kind, as reading one of them answers it."""

    hasMoreData: bool
    lastSeenCampaignId: str
    campaignList: list[CampaignSoftware]


class DeviceUpgrade(msgspec.Struct, kw_only=True):
    """`upgradeStartTime` is in the page's example only; it is left out of an upgrade that has not begun."""

    deviceId: str
    id: str
    accountName: str
    softwareName: str
    startDate: str
    upgradeStartTime: str | msgspec.UnsetType = msgspec.UNSET
    status: str
    reason: str


class DeviceStatusRow(msgspec.Struct):
    deviceId: str
    status: str
    resultReason: str


class CampaignDevices(msgspec.Struct):
    totalDevice: int
    hasMoreData: bool
    lastSeenDeviceId: str
    maxPageSize: int
    deviceList: list[DeviceStatusRow]


def _statuses() -> dict[str, frozenset[CampaignStatus]]:
    found: dict[str, frozenset[CampaignStatus]] = {}
    for status, word in CAMPAIGN_STATUS.items():
        found[word.lower()] = found.get(word.lower(), frozenset()) | {status}
    return found | {
        "campaignqueued": found["campaignrequestqueued"],
        "campaignprescheduled": frozenset({CampaignStatus.PRESCHEDULED}),
    }


STATUSES = _statuses()
"""What each word of `campaignStatus` asks for, in lower case; pages write CampaignQueued too (facts, D21)."""


def read_statuses(word: str | None) -> frozenset[CampaignStatus]:
    """Raises RequestRejected(STATUS_INVALID)."""
    found = STATUSES.get((word or "").lower())
    if found is None:
        raise RequestRejected(ErrorCode.STATUS_INVALID, (word or "")[:40])
    return found


def campaign_history(account: str, campaigns: Sequence[Campaign], has_more: bool) -> CampaignHistory:
    rows = [campaign_software(account, campaign) for campaign in campaigns]
    return CampaignHistory(has_more, campaigns[-1].uuid if has_more else "0", rows)


def device_history(account: str, trials: Sequence[CampaignUpgrade]) -> list[DeviceUpgrade]:
    return [_device_upgrade(account, trial.campaign, trial.upgrade) for trial in trials]


def _device_upgrade(account: str, campaign: Campaign, upgrade: Upgrade) -> DeviceUpgrade:
    status, reason = device_words(UpgradeStatus(upgrade.status), Reason(upgrade.reason))
    return DeviceUpgrade(
        deviceId=format_device_id(upgrade.imei),
        id=campaign.uuid,
        accountName=account,
        softwareName=campaign.subject.name,
        startDate=campaign.start_date,
        status=status,
        reason=reason,
        upgradeStartTime=msgspec.UNSET if upgrade.started_ms is None else rfc3339(upgrade.started_ms),
    )


def campaign_devices(campaign: Campaign, page: Page[Upgrade], page_size: int) -> CampaignDevices:
    last = format_device_id(page.next_cursor) if page.has_more else "0"
    rows = [
        DeviceStatusRow(
            format_device_id(upgrade.imei), *device_words(UpgradeStatus(upgrade.status), Reason(upgrade.reason))
        )
        for upgrade in page.rows
    ]
    return CampaignDevices(
        totalDevice=campaign.devices,
        hasMoreData=page.has_more,
        lastSeenDeviceId=last,
        maxPageSize=page_size,
        deviceList=rows,
    )
