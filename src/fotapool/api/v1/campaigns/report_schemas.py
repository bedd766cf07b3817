"""Version 1's words and shapes of reports (SDK models UpgradeListQueryResult, DeviceUpgradeHistory)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v1.campaigns.schemas import Upgrade, upgrade
from fotapool.api.v1.campaigns.statuses import CAMPAIGN_STATUS, device_words
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns.reports import CampaignUpgrade, CampaignWithDevices


class UpgradeList(msgspec.Struct):
    """`lastSeenUpgradeId` is the number of the next record, 0 on the last page."""

    hasMoreFlag: bool
    lastSeenUpgradeId: int
    reportList: list[Upgrade]


class DeviceUpgrade(msgspec.Struct, kw_only=True):
    """`upgradeStartTime` is left out of an upgrade that has not begun."""

    deviceId: str
    id: str
    accountName: str
    firmwareFrom: str
    firmwareTo: str
    startDate: str
    upgradeStartTime: str | msgspec.UnsetType = msgspec.UNSET
    status: str
    reason: str


def _statuses() -> dict[str, frozenset[CampaignStatus]]:
    found: dict[str, frozenset[CampaignStatus]] = {}
    for status, word in CAMPAIGN_STATUS.items():
        found[word.lower()] = found.get(word.lower(), frozenset()) | {status}
    return found


STATUSES = _statuses()
"""What each word of `upgradeStatus` asks for, in lower case."""


def read_statuses(word: str) -> frozenset[CampaignStatus]:
    """Raises RequestRejected(STATUS_INVALID)."""
    found = STATUSES.get(word.lower())
    if found is None:
        raise RequestRejected(ErrorCode.STATUS_INVALID, word[:40])
    return found


def upgrade_list(account: str, first: int, found: Sequence[CampaignWithDevices], has_more: bool) -> UpgradeList:
    """The page that begins with the record number `first`."""
    return UpgradeList(has_more, first + len(found) if has_more else 0, [upgrade(account, one) for one in found])


def device_history(account: str, trials: Sequence[CampaignUpgrade]) -> list[DeviceUpgrade]:
    return [_device_upgrade(account, trial) for trial in trials]


def _device_upgrade(account: str, trial: CampaignUpgrade) -> DeviceUpgrade:
    campaign, done = trial.campaign, trial.upgrade
    status, reason = device_words(UpgradeStatus(done.status), Reason(done.reason))
    return DeviceUpgrade(
        deviceId=format_device_id(done.imei),
        id=campaign.uuid,
        accountName=account,
        firmwareFrom=campaign.subject.from_version,
        firmwareTo=campaign.subject.to_version,
        startDate=campaign.start_date,
        status=status,
        reason=reason,
        upgradeStartTime=msgspec.UNSET if done.started_ms is None else rfc3339(done.started_ms),
    )
