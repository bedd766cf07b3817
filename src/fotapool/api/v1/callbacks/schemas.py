"""Version 1's words and shapes for callbacks: registration, and the messages (facts, section 10).

Of the message, the page shows `firmwareList` and the beginning of `upgradeScheduled`; what else stands in the members
that tell of upgrades is inferred from the operations on upgrades, and `firmwareReported` is our own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v1.campaigns.statuses import CAMPAIGN_STATUS, device_words
from fotapool.domain.callbacks import (
    SERVICE,
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

STYLE = "v1"
SCHEDULES = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED})
"""Coming into these is told as `upgradeScheduled`, everything else as `upgradeProgress`."""


class SuccessResult(msgspec.Struct):
    success: bool


class RegistrationResult(msgspec.Struct):
    accountName: str
    serviceName: str


class RegisteredCallback(msgspec.Struct):
    aname: str
    name: str
    url: str
    username: str | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET


class FirmwareRow(msgspec.Struct):
    firmwareName: str
    participantName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    fromVersion: str
    toVersion: str


class DeviceStatusRow(msgspec.Struct, omit_defaults=True):
    deviceId: str
    status: str
    resultReason: str = ""


class UpgradeWords(msgspec.Struct):
    firmwareName: str
    upgradeId: str
    startDate: str
    endDate: str
    model: str
    make: str
    fromVersion: str
    toVersion: str
    status: str
    deviceList: list[DeviceStatusRow]


class ReportWords(msgspec.Struct):
    deviceId: str
    firmware: str
    requestId: str
    time: str


Nothing = dict[str, str]


class Message(msgspec.Struct):
    """One structure for all types; `type` names the member that is filled, the others are empty."""

    accountName: str
    participantName: str
    type: str
    username: str
    password: str
    firmwareList: list[FirmwareRow] = []
    upgradeScheduled: UpgradeWords | Nothing = {}
    upgradeProgress: UpgradeWords | Nothing = {}
    firmwareReported: ReportWords | Nothing = {}


_encode = msgspec.json.Encoder().encode


def registered_callback(account: str, listener: Listener) -> RegisteredCallback:
    return RegisteredCallback(
        aname=account,
        name=SERVICE,
        url=listener.url,
        username=listener.username or msgspec.UNSET,
        password=listener.password or msgspec.UNSET,
    )


def encode(event: Event, listener: Listener) -> bytes:
    """The message that tells this listener of the event."""
    return _encode(_message(event, listener.username or "", listener.password or ""))


def _message(event: Event, username: str, password: str) -> Message:
    if isinstance(event, FirmwareAvailable):
        name = event.account_name
        rows = [_firmware(name, package) for package in event.packages]
        return Message(
            accountName=name,
            participantName=name,
            type="firmwareList",
            username=username,
            password=password,
            firmwareList=rows,
        )
    if isinstance(event, FirmwareReported):
        name = event.account_name
        report = ReportWords(format_device_id(event.imei), event.firmware, event.request_id, rfc3339(event.at_ms))
        return Message(
            accountName=name,
            participantName=name,
            type="firmwareReported",
            username=username,
            password=password,
            firmwareReported=report,
        )
    name = event.campaign.account_name
    if isinstance(event, CampaignChanged):
        words = _upgrade(event.campaign, ())
        if event.campaign.campaign_status in SCHEDULES:
            return Message(
                accountName=name,
                participantName=name,
                type="upgradeScheduled",
                username=username,
                password=password,
                upgradeScheduled=words,
            )
    else:
        words = _upgrade(event.campaign, event.devices)
    return Message(
        accountName=name,
        participantName=name,
        type="upgradeProgress",
        username=username,
        password=password,
        upgradeProgress=words,
    )


def _firmware(account: str, package: PackageFacts) -> FirmwareRow:
    return FirmwareRow(
        firmwareName=package.name,
        participantName=account,
        launchDate=rfc3339(package.launched_ms),
        releaseNote=package.release_note,
        model=package.model,
        make=package.make,
        fromVersion=package.from_version,
        toVersion=package.to_version,
    )


def _upgrade(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> UpgradeWords:
    rows = [
        DeviceStatusRow(format_device_id(imei), *device_words(UpgradeStatus(status), Reason(reason)))
        for imei, status, reason in devices
    ]
    return UpgradeWords(
        firmwareName=campaign.subject,
        upgradeId=campaign.id,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        model=campaign.model,
        make=campaign.make,
        fromVersion=campaign.from_version,
        toVersion=campaign.to_version,
        status=CAMPAIGN_STATUS[campaign.campaign_status],
        deviceList=rows,
    )
