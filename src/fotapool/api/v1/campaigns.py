"""Version 1: upgrades, as it calls campaigns (SDK models FirmwareUpgradeRequest, FirmwareUpgrade, …ChangeResult)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from fotapool.api.common import bodies, handlers
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import ChangedDevice, SuccessResult
from fotapool.api.v1.statuses import CAMPAIGN_STATUS, DEVICE_REASON, UpgradeDevice, device_row
from fotapool.domain.campaigns.campaigns import Campaign, Flow
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.services.campaigns import campaigns, reports


class ScheduleUpgradeBody(msgspec.Struct):
    """The body that schedules an upgrade, account included; pages and older SDKs have no endDate."""

    accountName: str | None = None
    firmwareName: str | None = None
    firmwareTo: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    deviceList: bodies.DeviceIds | None = None


class Upgrade(msgspec.Struct):
    id: str
    accountName: str
    firmwareName: str
    firmwareTo: str
    startDate: str
    endDate: str
    status: str
    deviceList: list[UpgradeDevice]


class ChangedDevices(msgspec.Struct):
    accountName: str
    id: str
    deviceList: list[ChangedDevice]


_schedule = msgspec.json.Decoder(ScheduleUpgradeBody)


def _upgrade(account: str, campaign: Campaign, devices: Iterable[UpgradeDevice]) -> Upgrade:
    return Upgrade(
        id=campaign.uuid,
        accountName=account,
        firmwareName=campaign.artifact.name,
        firmwareTo=campaign.artifact.to_version,
        startDate=campaign.start_date,
        endDate=campaign.end_date,
        status=CAMPAIGN_STATUS[campaign.status],
        deviceList=list(devices),
    )


def upgrade(account: str, found: reports.CampaignWithDevices) -> Upgrade:
    return _upgrade(account, found.campaign, (device_row(one.imei, one.status, one.reason) for one in found.upgrades))


operations = OperationTable()


@operations.post(
    "V1-9",
    "/upgrades",
    request=ScheduleUpgradeBody,
    sdk="firmware_v1.schedule_firmware_upgrade",
    account_member="accountName",
    notes="The account is in the body. Without `endDate`, which the page does not have, LWM2M devices are tried "
    "for 3 days and OMA-DM devices for 30. `firmwareTo`, where given, must be the firmware's.",
)
async def schedule_upgrade(call: Call) -> Upgrade:
    """Schedule a firmware upgrade."""
    given = bodies.read_document(_schedule, call.body)
    wanted = campaigns.NewCampaign(
        Flow.PUSH,
        bodies.read_name(given.firmwareName),
        to_version=given.firmwareTo,
        start_date=given.startDate or "",
        end_date=given.endDate,
        devices=bodies.check_devices(given.deviceList, call.max_devices),
    )

    def write(campaign: Campaign) -> Upgrade:
        pending = (device_row(imei, UpgradeStatus.PENDING, Reason.NONE) for imei in dict.fromkeys(wanted.devices))
        return _upgrade(call.account, campaign, pending)

    return await call.answer(campaigns.schedule_campaign(call.context, call.caller, wanted), write)


@operations.get(
    "V1-10",
    "/upgrades/{account}/upgrade/{upgradeId}",
    sdk="firmware_v1.list_firmware_upgrade_details",
    notes="Campaigns of the other versions are returned too, with this version's members and labels. At "
    f"most {reports.MAX_DEVICES_SHOWN:,} devices.",
)
async def get_upgrade(call: Call) -> Upgrade:
    """Read an upgrade and its devices."""
    return upgrade(call.account, await reports.get_campaign_with_devices(call.context, call.caller, call.campaign_id))


@operations.put(
    "V1-11",
    "/upgrades/{account}/upgrade/{upgradeId}",
    request=bodies.CampaignDevicesBody,
    sdk="firmware_v1.update_firmware_upgrade_devices",
    notes="`RemoveDeviceSucceed` and the labels of failures are inferred.",
)
async def change_upgrade_devices(call: Call) -> ChangedDevices:
    """Add devices to an upgrade or remove them."""
    return await handlers.change_devices(call, DEVICE_REASON, partial(ChangedDevices, call.account))


@operations.delete(
    "V1-12",
    "/upgrades/{account}/upgrade/{upgradeId}",
    sdk="firmware_v1.cancel_scheduled_firmware_upgrade",
    notes="The status of a canceled upgrade is `UpgradeFailed`: this version has no label of its own for it.",
)
async def cancel_upgrade(call: Call) -> SuccessResult:
    """Cancel an upgrade before its start."""
    return await handlers.cancel_campaign(call, may_abort=False)
