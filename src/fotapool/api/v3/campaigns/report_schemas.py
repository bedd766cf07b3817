"""Version 3's words and shapes of reports (SDK models V3CampaignHistory, DeviceFirmwareUpgrade, V3CampaignDevice)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import WriteTime, rfc3339
from fotapool.api.v3.campaigns.schemas import TimeWindow, time_windows
from fotapool.api.v3.campaigns.statuses import CAMPAIGN_STATUS, device_words
from fotapool.domain.campaigns.campaigns import NOT_STARTED, Campaign, CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.domain.paging import Page
from fotapool.services.campaigns.reports import CampaignUpgrade

PROTOCOL = {"OMADM": "OMD-DM"}
"""Where the `protocol` of the history has a word of its own, misspelled as in the SDK's enumeration (section 9.4)."""


class CampaignRow(msgspec.Struct, kw_only=True):
    accountName: str
    id: str
    campaignName: str | msgspec.UnsetType = msgspec.UNSET
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    protocol: str
    make: str
    model: str
    startDate: str
    endDate: str
    campaignTimeWindowList: list[TimeWindow] | msgspec.UnsetType = msgspec.UNSET
    status: str


class CampaignHistory(msgspec.Struct):
    hasMoreData: bool
    lastSeenCampaignId: str
    campaignList: list[CampaignRow]


class DeviceUpgrade(msgspec.Struct):
    """`id` is the page's name, `campaignId` the SDK's; both are sent (facts, D19)."""

    deviceId: str
    id: str
    campaignId: str
    accountName: str
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    startDate: str
    status: str
    reason: str
    reportUpdatedTime: str


class DeviceStatusRow(msgspec.Struct):
    """Attempts are of devices that the server itself looks for; those that come by themselves have none."""

    deviceId: str
    status: str
    resultReason: str
    updatedTime: str
    recentAttemptTime: str | msgspec.UnsetType = msgspec.UNSET
    nextAttemptTime: str | msgspec.UnsetType = msgspec.UNSET


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
    return found | {"campaignqueued": found["campaignrequestqueued"]}


STATUSES = _statuses()
"""What each word of `campaignStatus` asks for, in lower case; pages write CampaignQueued too (facts, D21)."""


def read_statuses(word: str | None) -> frozenset[CampaignStatus]:
    """Raises RequestRejected(STATUS_INVALID)."""
    found = STATUSES.get((word or "").lower())
    if found is None:
        raise RequestRejected(ErrorCode.STATUS_INVALID, (word or "")[:40])
    return found


def campaign_history(account: str, campaigns: Sequence[Campaign], has_more: bool) -> CampaignHistory:
    rows = [_campaign_row(account, campaign) for campaign in campaigns]
    return CampaignHistory(has_more, campaigns[-1].uuid if has_more else "0", rows)


def _campaign_row(account: str, campaign: Campaign) -> CampaignRow:
    subject = campaign.subject
    return CampaignRow(
        accountName=account,
        id=campaign.uuid,
        campaignName=campaign.name or msgspec.UNSET,
        firmwareName=subject.name,
        firmwareFrom=subject.from_version,
        firmwareTo=subject.to_version,
        protocol=PROTOCOL.get(subject.protocol, subject.protocol),
        make=subject.make,
        model=subject.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        campaignTimeWindowList=time_windows(campaign.windows.download),
        status=CAMPAIGN_STATUS[campaign.status],
    )


def device_history(account: str, trials: Sequence[CampaignUpgrade], write_time: WriteTime) -> list[DeviceUpgrade]:
    rows = []
    for trial in trials:
        campaign, subject = trial.campaign, trial.campaign.subject
        status, reason = _words(campaign, trial.upgrade)
        rows.append(
            DeviceUpgrade(
                deviceId=format_device_id(trial.upgrade.imei),
                id=campaign.uuid,
                campaignId=campaign.uuid,
                accountName=account,
                firmwareName=subject.name,
                firmwareFrom=subject.from_version,
                firmwareTo=subject.to_version,
                startDate=campaign.start_date,
                status=status,
                reason=reason,
                reportUpdatedTime=write_time(_changed_ms(trial.upgrade)),
            )
        )
    return rows


def campaign_devices(campaign: Campaign, page: Page[Upgrade], page_size: int) -> CampaignDevices:
    last = format_device_id(page.next_cursor) if page.has_more else "0"
    rows = [_device_row(campaign, upgrade) for upgrade in page.rows]
    return CampaignDevices(
        totalDevice=campaign.devices,
        hasMoreData=page.has_more,
        lastSeenDeviceId=last,
        maxPageSize=page_size,
        deviceList=rows,
    )


def _device_row(campaign: Campaign, upgrade: Upgrade) -> DeviceStatusRow:
    status, reason = _words(campaign, upgrade)
    away = upgrade.status == UpgradeStatus.SCHEDULED and upgrade.reason == Reason.NOT_REACHABLE
    recent_ms = upgrade.updated_ms if away else upgrade.started_ms if upgrade.attempts else None
    next_ms = _next_attempt_ms(campaign, upgrade)
    return DeviceStatusRow(
        deviceId=format_device_id(upgrade.imei),
        status=status,
        resultReason=reason,
        updatedTime=rfc3339(_changed_ms(upgrade)),
        recentAttemptTime=msgspec.UNSET if recent_ms is None else rfc3339(recent_ms),
        nextAttemptTime=msgspec.UNSET if next_ms is None else rfc3339(next_ms),
    )


def _words(campaign: Campaign, upgrade: Upgrade) -> tuple[str, str]:
    status = UpgradeStatus(upgrade.status)
    begin_ms = campaign.start_ms
    if status is UpgradeStatus.SCHEDULED and upgrade.due_ms is not None:
        begin_ms = upgrade.due_ms
    return device_words(
        status=status,
        reason=Reason(upgrade.reason),
        campaign=campaign.status,
        start_ms=begin_ms,
        end_ms=campaign.end_ms,
        attempts=upgrade.attempts,
    )


def _changed_ms(upgrade: Upgrade) -> int:
    """When the upgrade last went into another state."""
    if upgrade.reason == Reason.NOT_REACHABLE:
        return upgrade.updated_ms
    return upgrade.ended_ms or upgrade.started_ms or upgrade.scheduled_ms


def _next_attempt_ms(campaign: Campaign, upgrade: Upgrade) -> int | None:
    if upgrade.status != UpgradeStatus.SCHEDULED:
        return None
    return upgrade.due_ms or (campaign.start_ms if campaign.status in NOT_STARTED else None)
