"""Version 1's words and shapes of upgrades (SDK models FirmwareUpgradeRequest, FirmwareUpgrade, …ChangeResult)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from fotapool.api.common import campaign_bodies as bodies
from fotapool.api.v1.campaigns.statuses import CAMPAIGN_STATUS, DEVICE_REASON, device_words
from fotapool.domain.campaigns.campaigns import Campaign, Flow
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns.campaigns import DeviceChange, NewCampaign
from fotapool.services.campaigns.reports import CampaignWithDevices

ADDED = ("AddDeviceSucceed", "Device added Successfully")
REMOVED = ("RemoveDeviceSucceed", "Device removed Successfully")
ADD_FAILED, REMOVE_FAILED = "AddDeviceFailed", "RemoveDeviceFailed"

Row = tuple[int, UpgradeStatus, Reason]


class ScheduleUpgradeBody(msgspec.Struct):
    """The body that schedules an upgrade, account included; pages and older SDKs know no endDate (facts, D18)."""

    accountName: str | None = None
    firmwareName: str | None = None
    firmwareTo: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    deviceList: bodies.DeviceIds | None = None


class UpgradeDevice(msgspec.Struct, omit_defaults=True):
    """`resultReason` is left out while the request is pending."""

    deviceId: str
    status: str
    resultReason: str = ""


class Upgrade(msgspec.Struct):
    id: str
    accountName: str
    firmwareName: str
    firmwareTo: str
    startDate: str
    endDate: str
    status: str
    deviceList: list[UpgradeDevice]


class ChangedDevice(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")


class ChangedDevices(msgspec.Struct):
    accountName: str
    id: str
    deviceList: list[ChangedDevice]


_schedule = msgspec.json.Decoder(ScheduleUpgradeBody)


def read_schedule(body: bytes, max_devices: int) -> NewCampaign:
    """Raises RequestRejected: BODY_INVALID, DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID."""
    given = bodies.read_document(_schedule, body)
    return NewCampaign(
        Flow.PUSH,
        bodies.read_name(given.firmwareName),
        to_version=given.firmwareTo,
        start_date=given.startDate or "",
        end_date=given.endDate,
        devices=bodies.read_devices(given.deviceList, max_devices),
    )


def _upgrade(account: str, campaign: Campaign, devices: Iterable[Row]) -> Upgrade:
    rows = [UpgradeDevice(format_device_id(imei), *device_words(status, reason)) for imei, status, reason in devices]
    return Upgrade(
        id=campaign.uuid,
        accountName=account,
        firmwareName=campaign.subject.name,
        firmwareTo=campaign.subject.to_version,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        status=CAMPAIGN_STATUS[campaign.status],
        deviceList=rows,
    )


def scheduled_upgrade(account: str, campaign: Campaign, devices: Sequence[int]) -> Upgrade:
    """A new upgrade, each of its devices once."""
    return _upgrade(account, campaign, [(imei, UpgradeStatus.PENDING, Reason.NONE) for imei in dict.fromkeys(devices)])


def upgrade(account: str, found: CampaignWithDevices) -> Upgrade:
    rows = [(one.imei, UpgradeStatus(one.status), Reason(one.reason)) for one in found.upgrades]
    return _upgrade(account, found.campaign, rows)


def changed_devices(account: str, upgrade_id: str, changes: Sequence[DeviceChange], added: bool) -> ChangedDevices:
    done, failed = (ADDED, ADD_FAILED) if added else (REMOVED, REMOVE_FAILED)
    rows = [
        ChangedDevice(
            format_device_id(change.device),
            *(done if change.reason is Reason.NONE else (failed, DEVICE_REASON[change.reason])),
        )
        for change in changes
    ]
    return ChangedDevices(account, upgrade_id, rows)
