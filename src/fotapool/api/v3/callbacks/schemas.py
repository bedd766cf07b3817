"""Version 3's words and shapes for callbacks: registration, and the messages (facts, section 10).

The page on version 3's messages was not readable: they have version 1's structure, without user name and password, and
within it the words of version 3's own operations on firmware and campaigns.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v3.campaigns.statuses import CAMPAIGN_STATUS, device_words
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

STYLE = "v3"
SCHEDULES = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED, CampaignStatus.SCHEDULED})
"""Coming into these is told as `upgradeScheduled`, everything else as `upgradeProgress`."""
PROTOCOL = {"OMADM": "OMA"}
"""Where a campaign's `protocol` names one otherwise than we do."""


class SuccessResult(msgspec.Struct):
    success: bool


class CallbackUrl(msgspec.Struct, omit_defaults=True):
    url: str | msgspec.UnsetType = msgspec.UNSET


class FirmwareRow(msgspec.Struct):
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    protocol: str


class DeviceStatusRow(msgspec.Struct):
    deviceId: str
    status: str
    resultReason: str


class CampaignWords(msgspec.Struct):
    campaignId: str
    campaignName: str
    firmwareName: str
    firmwareFrom: str
    firmwareTo: str
    protocol: str
    make: str
    model: str
    startDate: str
    endDate: str
    status: str
    deviceList: list[DeviceStatusRow]


class ReportWords(msgspec.Struct):
    """What the request to report a device's firmware (V3-19) announced under its `requestId`."""

    deviceId: str
    firmwareVersion: str
    requestId: str
    firmwareVersionUpdateTime: str


Nothing = dict[str, str]


class Message(msgspec.Struct):
    """One structure for all types; `type` names the member that is filled, the others are empty."""

    accountName: str
    type: str
    firmwareList: list[FirmwareRow] = []
    upgradeScheduled: CampaignWords | Nothing = {}
    upgradeProgress: CampaignWords | Nothing = {}
    firmwareReported: ReportWords | Nothing = {}


_encode = msgspec.json.Encoder().encode


def encode(event: Event, listener: Listener) -> bytes:
    """The message that tells this listener of the event."""
    return _encode(_message(event))


def _message(event: Event) -> Message:
    if isinstance(event, FirmwareAvailable):
        rows = [_firmware(package) for package in event.packages]
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


def _firmware(package: PackageFacts) -> FirmwareRow:
    return FirmwareRow(
        firmwareName=package.name,
        firmwareFrom=package.from_version,
        firmwareTo=package.to_version,
        launchDate=rfc3339(package.launched_ms),
        releaseNote=package.release_note,
        model=package.model,
        make=package.make,
        protocol=PROTOCOL.get(package.protocol, package.protocol),
    )


def _campaign(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> CampaignWords:
    status = campaign.campaign_status
    rows = [
        DeviceStatusRow(
            format_device_id(imei),
            *device_words(
                status=UpgradeStatus(state),
                reason=Reason(reason),
                campaign=status,
                start_ms=campaign.start_ms,
                end_ms=campaign.end_ms,
            ),
        )
        for imei, state, reason in devices
    ]
    return CampaignWords(
        campaignId=campaign.id,
        campaignName=campaign.name,
        firmwareName=campaign.subject,
        firmwareFrom=campaign.from_version,
        firmwareTo=campaign.to_version,
        protocol=PROTOCOL.get(campaign.protocol, campaign.protocol),
        make=campaign.make,
        model=campaign.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        status=CAMPAIGN_STATUS[status],
        deviceList=rows,
    )
