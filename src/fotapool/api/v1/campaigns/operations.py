"""Version 1's operations on upgrades, as it calls campaigns, and their paths."""

from __future__ import annotations

from fotapool.api.common.campaign_bodies import CampaignDevicesBody, read_campaign_id, read_devices_change
from fotapool.api.common.operations import Call, Evidence, Operation
from fotapool.api.v1.callbacks.schemas import SuccessResult
from fotapool.api.v1.campaigns import schemas as words
from fotapool.services.campaigns import campaigns, reports


async def schedule_upgrade(call: Call) -> words.Upgrade:
    wanted = words.read_schedule(call.body, call.context.settings.max_devices_per_request)
    campaign = await campaigns.schedule_campaign(call.context, call.caller, wanted)
    return words.scheduled_upgrade(call.caller.account_name, campaign, wanted.devices)


async def get_upgrade(call: Call) -> words.Upgrade:
    uuid = read_campaign_id(call.path["upgradeId"])
    found = await reports.get_campaign_with_devices(call.context, call.caller, uuid)
    return words.upgrade(call.caller.account_name, found)


async def change_devices(call: Call) -> words.ChangedDevices:
    append, devices = read_devices_change(call.body, call.context.settings.max_devices_per_request)
    uuid = read_campaign_id(call.path["upgradeId"])
    change = campaigns.add_devices if append else campaigns.remove_devices
    changes = await change(call.context, call.caller, uuid, devices)
    return words.changed_devices(call.caller.account_name, uuid, changes, append)


async def cancel_upgrade(call: Call) -> SuccessResult:
    await campaigns.cancel_campaign(
        call.context, call.caller, read_campaign_id(call.path["upgradeId"]), may_abort=False
    )
    return SuccessResult(True)


OPERATIONS = (
    Operation(
        id="V1-9",
        name="schedule_upgrade",
        method="POST",
        paths=["/upgrades"],
        handle=schedule_upgrade,
        summary="Schedule a firmware upgrade",
        response=words.Upgrade,
        evidence=Evidence.DOCUMENTED,
        request=words.ScheduleUpgradeBody,
        sdk="firmware_v1.schedule_firmware_upgrade",
        account_member="accountName",
        notes="The account is in the body. Without `endDate`, which the page does not have, LWM2M devices are tried "
        "for 3 days and OMA-DM devices for 30. `firmwareTo`, where given, must be the firmware's.",
    ),
    Operation(
        id="V1-10",
        name="get_upgrade",
        method="GET",
        paths=["/upgrades/{account}/upgrade/{upgradeId}"],
        handle=get_upgrade,
        summary="Read an upgrade and its devices",
        response=words.Upgrade,
        evidence=Evidence.DOCUMENTED,
        sdk="firmware_v1.list_firmware_upgrade_details",
        notes="Campaigns that were scheduled with the other versions are answered too, in this version's words. At "
        f"most {reports.MAX_DEVICES_SHOWN:,} devices.",
    ),
    Operation(
        id="V1-11",
        name="change_upgrade_devices",
        method="PUT",
        paths=["/upgrades/{account}/upgrade/{upgradeId}"],
        handle=change_devices,
        summary="Add devices to an upgrade or remove them",
        response=words.ChangedDevices,
        evidence=Evidence.DOCUMENTED,
        request=CampaignDevicesBody,
        sdk="firmware_v1.update_firmware_upgrade_devices",
        notes="The words for what failed, and `RemoveDeviceSucceed`, are inferred.",
    ),
    Operation(
        id="V1-12",
        name="cancel_upgrade",
        method="DELETE",
        paths=["/upgrades/{account}/upgrade/{upgradeId}"],
        handle=cancel_upgrade,
        summary="Cancel an upgrade before its start",
        response=SuccessResult,
        evidence=Evidence.DOCUMENTED,
        sdk="firmware_v1.cancel_scheduled_firmware_upgrade",
        notes="A canceled upgrade is `UpgradeFailed` from then on: this version has no word of its own for it.",
    ),
)
