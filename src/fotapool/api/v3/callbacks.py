"""Version 3: callback listeners and messages (page "Register a Callback Listener URL v3").

The page on version 3's messages was not readable. They have the structure of version 1 without user name and
password, and the members of version 3's own campaigns.
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
from fotapool.api.v3.devices import Firmware, firmware
from fotapool.api.v3.statuses import CAMPAIGN_STATUS, device_labels
from fotapool.domain.callbacks import CampaignFacts, DeviceRow, Event, FirmwareReported, PackageFacts
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.names import format_device_id
from fotapool.domain.records import from_attributes
from fotapool.store.callbacks.listeners import Listener

STYLE = "v3"


class CampaignProgress(msgspec.Struct):
    """`upgradeScheduled` and `upgradeProgress` of a message."""

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


class FirmwareReport(msgspec.Struct):
    """The result of the request to report a device's firmware (V3-19), which returned the `requestId`."""

    deviceId: str
    firmwareVersion: str
    requestId: str
    firmwareVersionUpdateTime: str


def _package(account: str, package: PackageFacts) -> Firmware:
    return firmware(package, campaign_protocol(package.protocol))


def _report(event: FirmwareReported) -> FirmwareReport:
    return FirmwareReport(format_device_id(event.imei), event.firmware, event.request_id, rfc3339(event.at_ms))


def _campaign(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> CampaignProgress:
    status = campaign.campaign_status
    rows = [
        DeviceStatusRow(
            format_device_id(imei),
            *device_labels(
                status=UpgradeStatus(state),
                reason=Reason(reason),
                campaign=status,
                start_ms=campaign.start_ms,
                end_ms=campaign.end_ms,
            ),
        )
        for imei, state, reason in devices
    ]
    return from_attributes(
        CampaignProgress,
        campaign,
        campaignId=campaign.id,
        campaignName=campaign.name,
        firmwareName=campaign.artifact,
        firmwareFrom=campaign.from_version,
        firmwareTo=campaign.to_version,
        protocol=campaign_protocol(campaign.protocol),
        status=CAMPAIGN_STATUS[status],
        deviceList=rows,
    )


_SCHEDULED = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED, CampaignStatus.SCHEDULED})
_format = MessageFormat(scheduled=_SCHEDULED, package=_package, campaign=_campaign, report=_report)


def encode(event: Event, listener: Listener) -> bytes:
    """The message about this event."""
    return _format.encode(event)


operations = OperationTable()

operations.get(
    "V3-10",
    "/callbacks/{account}",
    sdk="software_management_callbacks_v3.list_registered_callbacks",
    notes="`{}` when none is registered (our choice; the SDK's model accepts it).",
)(handlers.get_callback)

operations.post(
    "V3-11",
    "/callbacks/{account}",
    request=CallbackUrlBody,
    sdk="software_management_callbacks_v3.register_callback",
)(handlers.register_callback)

operations.put(
    "V3-12",
    "/callbacks/{account}",
    request=CallbackUrlBody,
    sdk="software_management_callbacks_v3.update_callback",
    notes="The URL is in `url` (SDK) or `callback` (page of version 2). Registers a listener if there is none.",
)(handlers.update_callback)

operations.delete(
    "V3-13",
    "/callbacks/{account}",
    sdk="software_management_callbacks_v3.deregister_callback",
    notes="Succeeds when none is registered. Waiting deliveries to it are given up.",
)(handlers.deregister_callback)
