"""Version 2's words and shapes of campaigns (SDK models CampaignSoftware, UploadAndScheduleFile…)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common import campaign_bodies as bodies
from fotapool.api.v2.callbacks.schemas import DISTRIBUTION
from fotapool.api.v2.campaigns.statuses import CAMPAIGN_STATUS
from fotapool.domain.campaigns.campaigns import Campaign, Flow, Hours, Windows
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns.campaigns import NewCampaign

Windowed = list[bodies.TimeWindowBody] | None
Optional = str | None


class WindowsBody(msgspec.Struct, kw_only=True):
    """The members about dates and windows that the bodies share; no date means as soon as possible."""

    startDate: Optional = None
    endDate: Optional = None
    downloadAfterDate: Optional | msgspec.UnsetType = msgspec.UNSET
    downloadTimeWindowList: Windowed | msgspec.UnsetType = msgspec.UNSET
    installAfterDate: Optional | msgspec.UnsetType = msgspec.UNSET
    installTimeWindowList: Windowed | msgspec.UnsetType = msgspec.UNSET


class SoftwareDatesBody(WindowsBody, kw_only=True):
    """The body that changes a campaign's dates; what is left out of the windows stays."""


class ScheduleSoftwareBody(WindowsBody, kw_only=True):
    """The body that schedules a software campaign, the same on both of the paths."""

    campaignName: Optional = None
    softwareName: Optional = None
    softwareFrom: Optional = None
    softwareTo: Optional = None
    distributionType: Optional = None
    deviceList: bodies.DeviceIds | None = None


class ScheduleFileBody(WindowsBody, kw_only=True):
    """The body that schedules a file campaign."""

    campaignName: Optional = None
    fileName: Optional = None
    fileVersion: Optional = None
    distributionType: Optional = None
    deviceList: bodies.DeviceIds | None = None


class TimeWindow(msgspec.Struct):
    startTime: int
    endTime: int


class TextTimeWindow(msgspec.Struct):
    """A window as SDK model DownloadTimeWindow has it: its hours are text."""

    startTime: str
    endTime: str


class CampaignSoftware(msgspec.Struct, kw_only=True):
    """A campaign; `fileName` and `fileVersion` are there where it sends a file, whose name stands as softwareName."""

    id: str
    accountName: str
    campaignName: str | msgspec.UnsetType = msgspec.UNSET
    softwareName: str
    distributionType: str
    make: str
    model: str
    softwareFrom: str
    softwareTo: str
    fileName: str | msgspec.UnsetType = msgspec.UNSET
    fileVersion: str | msgspec.UnsetType = msgspec.UNSET
    startDate: str
    endDate: str
    downloadAfterDate: str | msgspec.UnsetType = msgspec.UNSET
    downloadTimeWindowList: list[TimeWindow] | msgspec.UnsetType = msgspec.UNSET
    installAfterDate: str | msgspec.UnsetType = msgspec.UNSET
    installTimeWindowList: list[TimeWindow] | msgspec.UnsetType = msgspec.UNSET
    status: str


class ScheduledCampaign(msgspec.Struct, kw_only=True):
    """The answer to scheduling software or a file, which names the devices too."""

    id: str
    accountName: str
    campaignName: str | msgspec.UnsetType = msgspec.UNSET
    softwareName: str | msgspec.UnsetType = msgspec.UNSET
    softwareFrom: str | msgspec.UnsetType = msgspec.UNSET
    softwareTo: str | msgspec.UnsetType = msgspec.UNSET
    fileName: str | msgspec.UnsetType = msgspec.UNSET
    fileVersion: str | msgspec.UnsetType = msgspec.UNSET
    distributionType: str
    make: str
    model: str
    startDate: str
    endDate: str
    downloadAfterDate: str | msgspec.UnsetType = msgspec.UNSET
    downloadTimeWindowList: list[TextTimeWindow] | msgspec.UnsetType = msgspec.UNSET
    installAfterDate: str | msgspec.UnsetType = msgspec.UNSET
    installTimeWindowList: list[TextTimeWindow] | msgspec.UnsetType = msgspec.UNSET
    deviceList: list[str]
    status: str


class ChangeResult(msgspec.Struct):
    accountName: str
    campaignId: str
    requestId: str


_software = msgspec.json.Decoder(ScheduleSoftwareBody)
_file = msgspec.json.Decoder(ScheduleFileBody)
_dates = msgspec.json.Decoder(SoftwareDatesBody)
_NO_WINDOWS = Windows()


def read_software_schedule(body: bytes, max_devices: int) -> NewCampaign:
    """Raises RequestRejected: BODY_INVALID, DEVICE_LIST_…, DEVICE_ID_INVALID, PROTOCOL_INVALID or WINDOW_INVALID."""
    given = bodies.read_document(_software, body)
    return NewCampaign(
        Flow.PULL,
        bodies.read_name(given.softwareName),
        from_version=given.softwareFrom,
        to_version=given.softwareTo,
        devices=bodies.read_devices(given.deviceList, max_devices),
        protocol=bodies.read_protocol(given.distributionType),
        start_date=given.startDate or "",
        end_date=given.endDate or "",
        name=given.campaignName or "",
        windows=read_windows(given, _NO_WINDOWS),
    )


def read_file_schedule(body: bytes, max_devices: int) -> NewCampaign:
    """Raises RequestRejected as `read_software_schedule`, and FILE_UNKNOWN if no file is named."""
    given = bodies.read_document(_file, body)
    devices = bodies.read_devices(given.deviceList, max_devices)
    name, version = bodies.read_name(given.fileName), bodies.read_name(given.fileVersion)
    if not name:
        raise RequestRejected(ErrorCode.FILE_UNKNOWN)
    return NewCampaign(
        Flow.PULL,
        file=name,
        file_version=version,
        protocol=bodies.read_protocol(given.distributionType),
        start_date=given.startDate or "",
        end_date=given.endDate or "",
        name=given.campaignName or "",
        windows=read_windows(given, _NO_WINDOWS),
        devices=devices,
    )


def read_dates(body: bytes) -> SoftwareDatesBody:
    """Raises RequestRejected(BODY_INVALID)."""
    return bodies.read_document(_dates, body)


def names_windows(given: WindowsBody) -> bool:
    """Whether the body says anything about windows."""
    members = (
        given.downloadAfterDate,
        given.downloadTimeWindowList,
        given.installAfterDate,
        given.installTimeWindowList,
    )
    return any(member is not msgspec.UNSET for member in members)


def read_windows(given: WindowsBody, current: Windows) -> Windows:
    """The windows after the request: what it leaves out stays, null takes away.

    Raises RequestRejected(WINDOW_INVALID).
    """
    return Windows(
        _hours(given.downloadTimeWindowList, current.download),
        _hours(given.installTimeWindowList, current.install),
        _after(given.downloadAfterDate, current.download_after),
        _after(given.installAfterDate, current.install_after),
    )


def _hours(given: Windowed | msgspec.UnsetType, current: Hours) -> Hours:
    return current if isinstance(given, msgspec.UnsetType) else bodies.read_hours(given or ())


def _after(given: Optional | msgspec.UnsetType, current: str) -> str:
    return current if isinstance(given, msgspec.UnsetType) else given or ""


def distribution_type(protocol: str) -> str:
    return DISTRIBUTION.get(protocol, protocol)


def time_windows(hours: Hours) -> list[TimeWindow] | msgspec.UnsetType:
    return [TimeWindow(first, end) for first, end in hours] or msgspec.UNSET


def _text_windows(hours: Hours) -> list[TextTimeWindow] | msgspec.UnsetType:
    return [TextTimeWindow(str(first), str(end)) for first, end in hours] or msgspec.UNSET


def campaign_software(account: str, campaign: Campaign) -> CampaignSoftware:
    subject, windows = campaign.subject, campaign.windows
    return CampaignSoftware(
        id=campaign.uuid,
        accountName=account,
        campaignName=campaign.name or msgspec.UNSET,
        softwareName=subject.name,
        distributionType=distribution_type(subject.protocol),
        make=subject.make,
        model=subject.model,
        softwareFrom=subject.from_version,
        softwareTo=subject.to_version,
        fileName=subject.name if subject.is_file else msgspec.UNSET,
        fileVersion=subject.to_version if subject.is_file else msgspec.UNSET,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        downloadAfterDate=windows.download_after or msgspec.UNSET,
        downloadTimeWindowList=time_windows(windows.download),
        installAfterDate=windows.install_after or msgspec.UNSET,
        installTimeWindowList=time_windows(windows.install),
        status=CAMPAIGN_STATUS[campaign.status],
    )


def scheduled_campaign(account: str, campaign: Campaign, devices: Sequence[int]) -> ScheduledCampaign:
    subject, windows, unset = campaign.subject, campaign.windows, msgspec.UNSET
    return ScheduledCampaign(
        id=campaign.uuid,
        accountName=account,
        campaignName=campaign.name or unset,
        softwareName=unset if subject.is_file else subject.name,
        softwareFrom=unset if subject.is_file else subject.from_version,
        softwareTo=unset if subject.is_file else subject.to_version,
        fileName=subject.name if subject.is_file else unset,
        fileVersion=subject.to_version if subject.is_file else unset,
        distributionType=distribution_type(subject.protocol),
        make=subject.make,
        model=subject.model,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        downloadAfterDate=windows.download_after or unset,
        downloadTimeWindowList=_text_windows(windows.download),
        installAfterDate=windows.install_after or unset,
        installTimeWindowList=_text_windows(windows.install),
        deviceList=[format_device_id(device) for device in dict.fromkeys(devices)],
        status=CAMPAIGN_STATUS[campaign.status],
    )
