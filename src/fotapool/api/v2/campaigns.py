"""Version 2: campaigns of software and files (SDK models CampaignSoftware, UploadAndScheduleFile…)."""

from __future__ import annotations

from functools import partial

import msgspec

from fotapool.api.common import bodies, handlers
from fotapool.api.common.operations import Call, Evidence, OperationTable
from fotapool.api.common.schemas import SuccessResult, TimeWindow, campaign_protocol, time_windows
from fotapool.api.v2.statuses import CAMPAIGN_STATUS, DEVICE_REASON
from fotapool.domain.campaigns.campaigns import Campaign, Flow, Hours, Windows
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns import campaigns, reports

Windowed = list[bodies.TimeWindowBody] | None
Optional = str | None


class WindowsBody(bodies.DatesBody, kw_only=True):
    """Dates and windows; no date means as soon as possible."""

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


class TextTimeWindow(msgspec.Struct):
    """A window as SDK model DownloadTimeWindow has it: its hours are text."""

    startTime: str
    endTime: str


class CampaignSoftware(msgspec.Struct, kw_only=True):
    """A campaign. Only one of a file has `fileName` and `fileVersion`; its softwareName is the file's name."""

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
    """The response to scheduling software or a file, with the devices."""

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
_WINDOW_MEMBERS = ("downloadAfterDate", "downloadTimeWindowList", "installAfterDate", "installTimeWindowList")


def _read_software(call: Call) -> campaigns.NewCampaign:
    """Raises RequestRejected: BODY_INVALID, DEVICE_LIST_…, DEVICE_ID_INVALID, PROTOCOL_INVALID or WINDOW_INVALID."""
    given = bodies.read_document(_software, call.body)
    return campaigns.NewCampaign(
        Flow.PULL,
        bodies.read_name(given.softwareName),
        from_version=given.softwareFrom,
        to_version=given.softwareTo,
        **bodies.read_campaign(given, given.distributionType, call.max_devices),
        windows=_read_windows(given, Windows()),
    )


def _read_file(call: Call) -> campaigns.NewCampaign:
    """Raises RequestRejected as `_read_software`, and FILE_UNKNOWN if no file is named."""
    given = bodies.read_document(_file, call.body)
    bodies.check_devices(given.deviceList, call.max_devices)
    name = bodies.read_name(given.fileName)
    if not name:
        raise RequestRejected(ErrorCode.FILE_UNKNOWN)
    return campaigns.NewCampaign(
        Flow.PULL,
        file=name,
        file_version=bodies.read_name(given.fileVersion),
        **bodies.read_campaign(given, given.distributionType, call.max_devices),
        windows=_read_windows(given, Windows()),
    )


def _read_windows(given: WindowsBody, current: Windows) -> Windows:
    """The windows after the request: a member that is left out changes nothing, null removes a date or the windows.

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


def _text_windows(hours: Hours) -> list[TextTimeWindow] | msgspec.UnsetType:
    return [TextTimeWindow(str(first), str(end)) for first, end in hours] or msgspec.UNSET


def campaign_software(account: str, campaign: Campaign) -> CampaignSoftware:
    artifact, windows = campaign.artifact, campaign.windows
    return CampaignSoftware(
        id=campaign.uuid,
        accountName=account,
        campaignName=campaign.name or msgspec.UNSET,
        softwareName=artifact.name,
        distributionType=campaign_protocol(artifact.protocol),
        make=artifact.make,
        model=artifact.model,
        softwareFrom=artifact.from_version,
        softwareTo=artifact.to_version,
        fileName=artifact.name if artifact.is_file else msgspec.UNSET,
        fileVersion=artifact.to_version if artifact.is_file else msgspec.UNSET,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        downloadAfterDate=windows.download_after or msgspec.UNSET,
        downloadTimeWindowList=time_windows(windows.download),
        installAfterDate=windows.install_after or msgspec.UNSET,
        installTimeWindowList=time_windows(windows.install),
        status=CAMPAIGN_STATUS[campaign.status],
    )


async def _schedule(call: Call, wanted: campaigns.NewCampaign) -> ScheduledCampaign:
    def write(campaign: Campaign) -> ScheduledCampaign:
        members = msgspec.structs.asdict(campaign_software(call.account, campaign))
        if campaign.artifact.is_file:
            members |= dict.fromkeys(("softwareName", "softwareFrom", "softwareTo"), msgspec.UNSET)
        members |= {
            "downloadTimeWindowList": _text_windows(campaign.windows.download),
            "installTimeWindowList": _text_windows(campaign.windows.install),
            "deviceList": [format_device_id(device) for device in dict.fromkeys(wanted.devices)],
        }
        return ScheduledCampaign(**members)

    return await call.answer(campaigns.schedule_campaign(call.context, call.caller, wanted), write)


operations = OperationTable()


@operations.post(
    "V2-9",
    "/campaigns/software/{account}",
    request=ScheduleSoftwareBody,
    sdk="campaigns_v2.schedule_sw_upgrade_http_devices",
    notes="Versions and distributionType, where given, must be the software's. Windows may have their hours as "
    "numbers or as text, and are returned as text, as the SDK's model has them.",
)
async def schedule_software(call: Call) -> ScheduledCampaign:
    """Schedule a software campaign."""
    return await _schedule(call, _read_software(call))


@operations.post(
    "V2-10",
    "/campaigns/files/{account}",
    request=ScheduleFileBody,
    sdk="campaigns_v2.schedule_file_upgrade",
)
async def schedule_file(call: Call) -> ScheduledCampaign:
    """Schedule a campaign of a configuration file."""
    return await _schedule(call, _read_file(call))


@operations.post(
    "V2-8",
    "/campaigns/{account}",
    evidence=Evidence.SDK,
    request=ScheduleSoftwareBody,
    sdk="campaigns_v2.schedule_campaign_firmware_upgrade",
)
async def schedule_campaign(call: Call) -> CampaignSoftware:
    """Schedule a software campaign, on the path of the first release."""
    change = campaigns.schedule_campaign(call.context, call.caller, _read_software(call))
    return await call.answer(change, partial(campaign_software, call.account))


@operations.get(
    "V2-11",
    "/campaigns/{account}/{campaignId}",
    sdk="campaigns_v2.get_campaign_information",
    notes="Campaigns of the other versions are returned too, with this version's members and labels. Of a "
    "campaign of a file, softwareName and softwareTo are the file's name and version.",
)
async def get_campaign(call: Call) -> CampaignSoftware:
    """Read a campaign."""
    return campaign_software(call.account, await reports.get_campaign(call.context, call.caller, call.campaign_id))


@operations.put(
    "V2-12",
    "/campaigns/{account}/{campaignId}",
    request=bodies.CampaignDevicesBody,
    sdk="campaigns_v2.update_campaign_firmware_devices",
    notes="The body may be flat (SDK) or wrapped in `addOrRemoveDevice` (page), with one action. The result "
    "of each device is in the campaign's report, which lacks devices that could not be added.",
)
async def change_campaign_devices(call: Call) -> ChangeResult:
    """Add devices to a campaign or remove them."""
    return await handlers.change_devices(
        call, DEVICE_REASON, lambda uuid, _: ChangeResult(call.account, uuid, call.context.new_uuid())
    )


@operations.put(
    "V2-14",
    "/campaigns/{account}/{campaignId}/dates",
    request=SoftwareDatesBody,
    sdk="campaigns_v2.update_campaign_dates",
    notes="Windows and their dates that are left out stay; null removes a date.",
)
async def change_campaign_dates(call: Call) -> CampaignSoftware:
    """Change a campaign's dates and time windows."""
    given = bodies.read_document(_dates, call.body)
    has_windows = any(getattr(given, member) is not msgspec.UNSET for member in _WINDOW_MEMBERS)
    change_windows = partial(_read_windows, given) if has_windows else None
    return await handlers.change_dates(call, given, change_windows, campaign_software)


@operations.delete(
    "V2-13",
    "/campaigns/{account}/{campaignId}",
    sdk="campaigns_v2.cancel_campaign",
    notes="Pages and SDK differ on campaigns that have started: as on the pages, they are aborted.",
)
async def cancel_campaign(call: Call) -> SuccessResult:
    """Cancel a campaign, or abort it once it has started."""
    return await handlers.cancel_campaign(call, may_abort=True)
