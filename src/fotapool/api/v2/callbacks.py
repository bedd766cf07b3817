"""Version 2: callback listeners and messages (page "Register a Callback Listener URL v2").

The page on version 2's messages was not readable. They have the structure of version 1 without user name and
password, and the members of version 2's own campaigns.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import CallbackUrlBody
from fotapool.api.common.messages import MessageFormat
from fotapool.api.common.operations import OperationTable
from fotapool.api.common.schemas import DeviceStatusRow, campaign_protocol
from fotapool.api.common.time_styles import rfc3339
from fotapool.api.v2.statuses import CAMPAIGN_STATUS, device_row
from fotapool.domain.callbacks import CampaignFacts, DeviceRow, Event, PackageFacts
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.records import from_attributes
from fotapool.store.callbacks.listeners import Listener

STYLE = "v2"


class SoftwareRow(msgspec.Struct):
    softwareName: str
    launchDate: str
    releaseNote: str
    model: str
    make: str
    distributionType: str
    softwareFrom: str
    softwareTo: str


class CampaignProgress(msgspec.Struct):
    """`upgradeScheduled` and `upgradeProgress` of a message: a campaign of software or of a file."""

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


def _software(account: str, package: PackageFacts) -> SoftwareRow:
    return from_attributes(
        SoftwareRow,
        package,
        softwareName=package.name,
        launchDate=rfc3339(package.launched_ms),
        distributionType=campaign_protocol(package.protocol),
        softwareFrom=package.from_version,
        softwareTo=package.to_version,
    )


def _campaign(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> CampaignProgress:
    progress = from_attributes(
        CampaignProgress,
        campaign,
        campaignId=campaign.id,
        campaignName=campaign.name,
        distributionType=campaign_protocol(campaign.protocol),
        status=CAMPAIGN_STATUS[campaign.campaign_status],
        deviceList=[device_row(*row) for row in devices],
    )
    if campaign.is_file:
        progress.fileName, progress.fileVersion = campaign.artifact, campaign.to_version
    else:
        progress.softwareName = campaign.artifact
        progress.softwareFrom, progress.softwareTo = campaign.from_version, campaign.to_version
    return progress


_SCHEDULED = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED, CampaignStatus.SCHEDULED})
_format = MessageFormat(scheduled=_SCHEDULED, package=_software, campaign=_campaign)


def encode(event: Event, listener: Listener) -> bytes:
    """The message about this event."""
    return _format.encode(event)


operations = OperationTable()

operations.get(
    "V2-15",
    "/callbacks/{account}",
    sdk="software_management_callbacks_v2.list_registered_callbacks",
    notes="`{}` when none is registered (our choice; the SDK's model accepts it).",
)(handlers.get_callback)

operations.post(
    "V2-16",
    "/callbacks/{account}",
    request=CallbackUrlBody,
    sdk="software_management_callbacks_v2.register_callback",
)(handlers.register_callback)

operations.put(
    "V2-17",
    "/callbacks/{account}",
    request=CallbackUrlBody,
    sdk="software_management_callbacks_v2.update_callback",
    notes="The URL is in `url` (SDK) or `callback` (page of version 2). Registers a listener if there is none.",
)(handlers.update_callback)

operations.delete(
    "V2-18",
    "/callbacks/{account}",
    sdk="software_management_callbacks_v2.deregister_callback",
    notes="Succeeds when none is registered. Waiting deliveries to it are given up.",
)(handlers.deregister_callback)
