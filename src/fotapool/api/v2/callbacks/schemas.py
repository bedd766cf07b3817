"""Version 2's words and shapes for callbacks: registration, and the messages (facts, section 10).

The page on version 2's messages was not readable: they have version 1's structure, without user name and password, and
within it the words of version 2's own operations on software and campaigns.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v2.campaigns.statuses import CAMPAIGN_STATUS, device_words
from fotapool.domain.callbacks import (
    CampaignChanged,
    CampaignFacts,
    DeviceRow,
    Event,
    FirmwareAvailable,
    FirmwareReported,
    PackageFacts,
)
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id
from fotapool.store.callbacks.listeners import Listener

STYLE = "v2"
SCHEDULES = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED, CampaignStatus.SCHEDULED})
"""Coming into these is told as `upgradeScheduled`, everything else as `upgradeProgress`."""
DISTRIBUTION = {"OMADM": "OMA"}
"""Where `distributionType` names a protocol otherwise than we do."""


class SuccessResult(msgspec.Struct):
    success: bool


class CallbackUrl(msgspec.Struct, omit_defaults=True):
    url: str | msgspec.UnsetType = msgspec.UNSET


class SoftwareRow(msgspec.Struct):
    softwareName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    distributionType: str
    softwareFrom: str
    softwareTo: str


class DeviceStatusRow(msgspec.Struct):
    deviceId: str
    status: str
    resultReason: str


class CampaignWords(msgspec.Struct):
    """A campaign of software or of a file, with the members of that kind."""

    campaignId: str
    campaignName: str
    distributionType: str
    make: str
    model: str
    startDate: str
    endDate: str
    status: str
    deviceList: list[DeviceStatusRow]
    softwareName: str | msgspec.UnsetType = msgspec.UNSET
    softwareFrom: str | msgspec.UnsetType = msgspec.UNSET
    softwareTo: str | msgspec.UnsetType = msgspec.UNSET
    fileName: str | msgspec.UnsetType = msgspec.UNSET
    fileVersion: str | msgspec.UnsetType = msgspec.UNSET


class ReportWords(msgspec.Struct):
    deviceId: str
    firmware: str
    requestId: str
    time: str


Nothing = dict[str, str]


class Message(msgspec.Struct):
    """One structure for all types; `type` names the member that is filled, the others are empty."""

    accountName: str
    type: str
    firmwareList: list[SoftwareRow] = []
    upgradeScheduled: CampaignWords | Nothing = {}
    upgradeProgress: CampaignWords | Nothing = {}
    firmwareReported: ReportWords | Nothing = {}


_encode = msgspec.json.Encoder().encode


def encode(event: Event, listener: Listener) -> bytes:
    """The message that tells this listener of the event."""
    return _encode(_message(event))


def _message(event: Event) -> Message:
    if isinstance(event, FirmwareAvailable):
        rows = [_software(package) for package in event.packages]
        return Message(event.account_name, "firmwareList", firmwareList=rows)
    if isinstance(event, FirmwareReported):
        report = ReportWords(format_device_id(event.imei), event.firmware, event.request_id, rfc3339(event.at_ms))
        return Message(event.account_name, "firmwareReported", firmwareReported=report)
    name = event.campaign.account_name
    if isinstance(event, CampaignChanged):
        words = _campaign(event.campaign, ())
        if event.campaign.campaign_status in SCHEDULES:
            return Message(name, "upgradeScheduled", upgradeScheduled=words)
    else:
        words = _campaign(event.campaign, event.devices)
    return Message(name, "upgradeProgress", upgradeProgress=words)


def _software(package: PackageFacts) -> SoftwareRow:
    return SoftwareRow(
        softwareName=package.name,
        launchDate=rfc3339(package.launched_ms),
        releaseNote=package.release_note,
        model=package.model,
        make=package.make,
        distributionType=DISTRIBUTION.get(package.protocol, package.protocol),
        softwareFrom=package.from_version,
        softwareTo=package.to_version,
    )


def _campaign(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> CampaignWords:
    rows = [
        DeviceStatusRow(format_device_id(imei), *device_words(UpgradeStatus(status), Reason(reason)))
        for imei, status, reason in devices
    ]
    words = CampaignWords(
        campaignId=campaign.id,
        campaignName=campaign.name,
        distributionType=DISTRIBUTION.get(campaign.protocol, campaign.protocol),
        make=campaign.make,
        model=campaign.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        status=CAMPAIGN_STATUS[campaign.campaign_status],
        deviceList=rows,
    )
    if campaign.is_file:
        words.fileName, words.fileVersion = campaign.subject, campaign.to_version
    else:
        words.softwareName = campaign.subject
        words.softwareFrom, words.softwareTo = campaign.from_version, campaign.to_version
    return words
