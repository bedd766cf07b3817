"""Version 3's words and shapes of campaigns (SDK models CampaignFirmwareUpgrade, FirmwareCampaign, Campaign, …)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common import campaign_bodies as bodies
from fotapool.api.v3.callbacks.schemas import PROTOCOL
from fotapool.api.v3.campaigns.statuses import CAMPAIGN_STATUS, DEVICE_REASON
from fotapool.domain.campaigns.campaigns import Campaign, Flow, Hours, Windows
from fotapool.domain.campaigns.upgrades import Reason
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns.campaigns import DeviceChange, NewCampaign

ADDED = ("AddDeviceSucceed", "Device added Successfully")
REMOVED = ("RemoveDeviceSucceed", "Device removed Successfully")
ADD_FAILED, REMOVE_FAILED = "AddDeviceFailed", "RemoveDeviceFailed"


class ScheduleFirmwareBody(msgspec.Struct):
    """The body that schedules a campaign; older SDKs know no flags."""

    firmwareName: str | None = None
    firmwareFrom: str | None = None
    firmwareTo: str | None = None
    protocol: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    campaignName: str | None = None
    campaignTimeWindowList: list[bodies.TimeWindowBody] | None = None
    autoAssignLicenseFlag: bool | None = None
    autoAddDevicesFlag: bool | None = None
    deviceList: bodies.DeviceIds | None = None


class FirmwareDatesBody(msgspec.Struct):
    """The body that changes a campaign's dates; without a list, its windows stay."""

    startDate: str | None = None
    endDate: str | None = None
    campaignTimeWindowList: list[bodies.TimeWindowBody] | None = None


class TimeWindow(msgspec.Struct):
    startTime: int
    endTime: int


class FirmwareCampaign(msgspec.Struct, kw_only=True):
    id: str
    accountName: str
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


class CampaignView(FirmwareCampaign, kw_only=True):
    autoAssignLicenseFlag: bool
    autoAddDevicesFlag: bool


class ChangedDevice(msgspec.Struct):
    deviceId: str
    status: str
    reason: str = msgspec.field(name="Reason")


class ChangedDevices(msgspec.Struct):
    """`id` is the page's name, `campaignId` the SDK's; both are sent (facts, D20)."""

    accountName: str
    id: str
    campaignId: str
    deviceList: list[ChangedDevice]


_schedule = msgspec.json.Decoder(ScheduleFirmwareBody)
_dates = msgspec.json.Decoder(FirmwareDatesBody)


def read_schedule(body: bytes, max_devices: int) -> NewCampaign:
    """Raises RequestRejected: BODY_INVALID, DEVICE_LIST_…, DEVICE_ID_INVALID, PROTOCOL_INVALID or WINDOW_INVALID."""
    given = bodies.read_document(_schedule, body)
    return NewCampaign(
        Flow.NETWORK_AWARE,
        bodies.read_name(given.firmwareName),
        from_version=given.firmwareFrom,
        to_version=given.firmwareTo,
        devices=bodies.read_devices(given.deviceList, max_devices),
        protocol=bodies.read_protocol(given.protocol),
        start_date=given.startDate or "",
        end_date=given.endDate or "",
        name=given.campaignName or "",
        windows=Windows(bodies.read_hours(given.campaignTimeWindowList or ())),
        auto_assign=bool(given.autoAssignLicenseFlag),
        auto_add=bool(given.autoAddDevicesFlag),
    )


def read_dates(body: bytes) -> tuple[str, str, Hours | None]:
    """The dates, and the windows if they are given. Raises RequestRejected: BODY_INVALID or WINDOW_INVALID."""
    given = bodies.read_document(_dates, body)
    listed = given.campaignTimeWindowList
    return given.startDate or "", given.endDate or "", None if listed is None else bodies.read_hours(listed)


def protocol_word(protocol: str) -> str:
    return PROTOCOL.get(protocol, protocol)


def time_windows(hours: Hours) -> list[TimeWindow] | msgspec.UnsetType:
    """A campaign's windows say when its devices may begin; without any, the member is left out."""
    return [TimeWindow(first, end) for first, end in hours] or msgspec.UNSET


def firmware_campaign(account: str, campaign: Campaign) -> FirmwareCampaign:
    subject = campaign.subject
    return FirmwareCampaign(
        id=campaign.uuid,
        accountName=account,
        campaignName=campaign.name or msgspec.UNSET,
        firmwareName=subject.name,
        firmwareFrom=subject.from_version,
        firmwareTo=subject.to_version,
        protocol=protocol_word(subject.protocol),
        make=subject.make,
        model=subject.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        campaignTimeWindowList=time_windows(campaign.windows.download),
        status=CAMPAIGN_STATUS[campaign.status],
    )


def campaign_view(account: str, campaign: Campaign) -> CampaignView:
    shared = msgspec.structs.asdict(firmware_campaign(account, campaign))
    return CampaignView(**shared, autoAssignLicenseFlag=campaign.auto_assign, autoAddDevicesFlag=campaign.auto_add)


def changed_devices(account: str, campaign_id: str, changes: Sequence[DeviceChange], added: bool) -> ChangedDevices:
    done, failed = (ADDED, ADD_FAILED) if added else (REMOVED, REMOVE_FAILED)
    rows = [
        ChangedDevice(
            format_device_id(change.device),
            *(done if change.reason is Reason.NONE else (failed, DEVICE_REASON[change.reason])),
        )
        for change in changes
    ]
    return ChangedDevices(account, campaign_id, campaign_id, rows)
