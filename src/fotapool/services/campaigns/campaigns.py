"""Schedules campaigns and changes them: devices, dates and windows, cancellation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.campaigns.campaigns import (
    CHANGEABLE,
    CHECK_AFTER_MS,
    MAX_NAME,
    NOT_STARTED,
    SCAN_START,
    Artifact,
    Campaign,
    CampaignStatus,
    Flow,
    Windows,
    change_plan,
    changed_windows,
    check_windows,
    decide_cancel,
    plan,
    queued_until_ms,
)
from fotapool.domain.campaigns.device_checks import DeviceFacts, decide_checks
from fotapool.domain.campaigns.upgrades import OPEN, Reason, UpgradeChange, UpgradeStatus
from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.domain.records import from_attributes
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.campaigns.campaigns import read_campaign, record_new_campaign
from fotapool.store.campaigns.stop_rules import read_stop
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import (
    read_campaign_upgrades,
    read_device_facts,
    read_unfinished,
    record_new_upgrades,
)
from fotapool.store.db.connection import Connection
from fotapool.store.packages.artifacts import find_file, find_package

CANCELED_AT_ONCE = 1_000
"""Number of upgrades canceled in the transaction that cancels their campaign; the worker cancels the others."""


class NewCampaign(msgspec.Struct, frozen=True):
    """A request for a campaign: of a package, or of a file and its version. Given versions must be the package's."""

    flow: Flow
    package: str = ""
    file: str = ""
    file_version: str = ""
    from_version: str | None = None
    to_version: str | None = None
    protocol: str | None = None
    start_date: str = ""
    end_date: str | None = None
    name: str = ""
    windows: Windows = msgspec.field(default_factory=Windows)
    auto_assign: bool = False
    auto_add: bool = False
    devices: Sequence[int] = ()


class DeviceChange(msgspec.Struct, frozen=True):
    """The outcome of adding or removing one device: Reason.NONE, or why it failed."""

    device: int
    reason: Reason


def _campaign(facts: PoolFacts, uuid: str) -> Campaign:
    """The account's campaign. Raises RequestRejected(CAMPAIGN_UNKNOWN)."""
    found = read_campaign(facts.connection, facts.pool.account_id, uuid)
    if found is None:
        raise RequestRejected(ErrorCode.CAMPAIGN_UNKNOWN, uuid)
    return found


async def schedule_campaign(context: Context, caller: Caller, wanted: NewCampaign) -> Campaign:
    """Accepts a campaign; the worker checks its devices later (rule U1).

    Raises RequestRejected: DEVICE_LIST_EMPTY, PACKAGE_UNKNOWN, FILE_UNKNOWN, PROTOCOL_INVALID, PILOT_TOO_LARGE,
    START_DATE_INVALID, END_DATE_INVALID, WINDOW_INVALID or BODY_INVALID for a name over MAX_NAME characters.
    """
    if not wanted.devices:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(wanted.name) > MAX_NAME or "\x00" in wanted.name:
        raise RequestRejected(ErrorCode.BODY_INVALID, f"a name may have {MAX_NAME} characters, and no NUL")
    uuid = context.new_uuid()

    def schedule(facts: PoolFacts, now_ms: int) -> Campaign:
        account_id = caller.account_id
        check_open(facts.connection, account_id)
        devices = list(dict.fromkeys(wanted.devices))
        campaign = _planned(
            facts.connection, account_id=account_id, uuid=uuid, wanted=wanted, devices=len(devices), now_ms=now_ms
        )
        record_new_campaign(facts.connection, campaign)
        pending = [(imei, UpgradeStatus.PENDING, Reason.NONE, None) for imei in devices]
        record_new_upgrades(
            facts.connection, account_id=account_id, campaign_id=campaign.id, devices=pending, now_ms=now_ms
        )
        cause = caller.cause("schedule campaign", campaign=uuid, devices=len(devices))
        facts.changes.note(facts.pool, cause, [], now_ms)
        scheduled = {"name": wanted.name, "package": wanted.package, "devices": len(devices)}
        context.audit.about("campaign", uuid, caller.account_name)
        context.audit.record(facts.connection, now_ms, after={**scheduled, **_dates(campaign)})
        return campaign

    return await context.writer.submit(PoolCommand(caller, schedule, alone=True, devices=len(wanted.devices)))


def _dates(campaign: Campaign) -> dict[str, str]:
    return {"startDate": campaign.start_date, "endDate": campaign.end_date}


def _planned(
    connection: Connection, account_id: int, uuid: str, wanted: NewCampaign, devices: int, now_ms: int
) -> Campaign:
    """The campaign as it is accepted, without its id. Raises RequestRejected."""
    artifact = _subject(connection, account_id, wanted)
    _check_pilot(wanted.flow, artifact, devices)
    planned = plan(
        flow=wanted.flow,
        protocol=artifact.protocol,
        start_date=wanted.start_date,
        end_date=wanted.end_date,
        now_ms=now_ms,
    )
    check_windows(wanted.windows, planned)
    return from_attributes(
        Campaign,
        planned,
        wanted,
        id=0,
        uuid=uuid,
        account_id=account_id,
        artifact=artifact,
        status=CampaignStatus.PENDING,
        devices=devices,
        scan_cursor=SCAN_START,
        enroll_cursor=None,
        created_ms=now_ms,
        updated_ms=now_ms,
        ended_ms=None,
        due_ms=now_ms + CHECK_AFTER_MS,
    )


def _subject(connection: Connection, account_id: int, wanted: NewCampaign) -> Artifact:
    """Raises RequestRejected: PACKAGE_UNKNOWN, FILE_UNKNOWN or PROTOCOL_INVALID."""
    if wanted.file:
        found = find_file(connection, account_id, wanted.file, wanted.file_version)
    else:
        found = find_package(connection, wanted.package)
    if found is None:
        raise RequestRejected(ErrorCode.FILE_UNKNOWN if wanted.file else ErrorCode.PACKAGE_UNKNOWN)
    if wanted.from_version not in (None, found.from_version) or wanted.to_version not in (None, found.to_version):
        raise RequestRejected(ErrorCode.PACKAGE_UNKNOWN)
    if wanted.protocol not in (None, found.protocol):
        raise RequestRejected(ErrorCode.PROTOCOL_INVALID)
    return found


def _check_pilot(flow: Flow, artifact: Artifact, devices: int) -> None:
    """Raises RequestRejected(PILOT_TOO_LARGE), except for PUSH campaigns: v1 does not have rule U10."""
    if flow is not Flow.PUSH and not artifact.pilot_passed and devices > PILOT_DEVICES:
        raise RequestRejected(ErrorCode.PILOT_TOO_LARGE)


async def add_devices(context: Context, caller: Caller, uuid: str, devices: Sequence[int]) -> list[DeviceChange]:
    """Adds devices to a campaign that is not scheduled yet (rules U4, U8); returns their outcomes in order.

    Raises RequestRejected: CAMPAIGN_UNKNOWN, DEVICES_FIXED or PILOT_TOO_LARGE.
    """
    return await _change_devices(context, caller=caller, uuid=uuid, devices=devices, append=True)


async def remove_devices(context: Context, caller: Caller, uuid: str, devices: Sequence[int]) -> list[DeviceChange]:
    """Removes devices from a campaign that is not scheduled yet; it ends if none is left (rule U4).

    Raises RequestRejected: CAMPAIGN_UNKNOWN or DEVICES_FIXED.
    """
    return await _change_devices(context, caller=caller, uuid=uuid, devices=devices, append=False)


async def _change_devices(
    context: Context, caller: Caller, uuid: str, devices: Sequence[int], append: bool
) -> list[DeviceChange]:
    def change(facts: PoolFacts, now_ms: int) -> list[DeviceChange]:
        campaign = _campaign(facts, uuid)
        if campaign.status not in CHANGEABLE:
            raise RequestRejected(ErrorCode.DEVICES_FIXED)
        unique = list(dict.fromkeys(devices))
        if append:
            reasons = _add(facts, caller=caller, campaign=campaign, devices=unique, now_ms=now_ms)
        else:
            reasons = _remove(facts.connection, campaign, unique, now_ms)
        verb = "add devices to campaign" if append else "remove devices from campaign"
        facts.changes.note(facts.pool, caller.cause(verb, campaign=uuid), [], now_ms)
        return [DeviceChange(device, reasons[device]) for device in devices]

    return await context.writer.submit(PoolCommand(caller, change, alone=True, devices=len(devices)))


def _add(
    facts: PoolFacts, caller: Caller, campaign: Campaign, devices: Sequence[int], now_ms: int
) -> dict[int, Reason]:
    """Adds devices: pending if the campaign's check is still to come, else checked at once."""
    connection, upgrades = facts.connection, UpgradeChangeSet(campaign.account_id, [campaign])
    present = read_campaign_upgrades(connection, campaign.id, devices)
    open_ = OPEN | {UpgradeStatus.PENDING}
    reasons = {imei: Reason.ALREADY_SCHEDULED for imei, upgrade in present.items() if upgrade.status in open_}
    new = [device for device in devices if device not in reasons]
    _check_pilot(campaign.flow, campaign.artifact, campaign.devices + len(set(new) - present.keys()))
    status = UpgradeStatus.PENDING
    if campaign.status is CampaignStatus.QUEUED and new:
        found = read_device_facts(connection, campaign.account_id, new)
        checked = check_devices(
            facts, caller=caller, campaign=campaign, devices=[found[device] for device in new], now_ms=now_ms
        )
        reasons |= dict(zip(new, checked, strict=True))
        status = UpgradeStatus.SCHEDULED
    else:
        reasons |= dict.fromkeys(new, Reason.NONE)
    added = [device for device in new if reasons[device] is Reason.NONE]
    rows = [(imei, status, Reason.NONE, None) for imei in added]
    record_new_upgrades(
        connection, account_id=campaign.account_id, campaign_id=campaign.id, devices=rows, now_ms=now_ms
    )
    campaign.devices += len(set(added) - present.keys())
    if status is UpgradeStatus.PENDING and campaign.scan_cursor is not None:
        campaign.scan_cursor = SCAN_START
    upgrades.record(connection, now_ms)
    return reasons


def check_devices(
    facts: PoolFacts, caller: Caller, campaign: Campaign, devices: Sequence[DeviceFacts], now_ms: int
) -> list[Reason]:
    """Checks devices for the campaign, and assigns the licenses that autoAssignLicenseFlag requests.

    Returns a reason for each device: Reason.NONE, or why it cannot take part. Raises NotFound if the account is gone.
    """
    account = read_account_by_id(facts.connection, campaign.account_id)
    if account is None:
        raise NotFound("the account does not exist")
    decision = decide_checks(
        pool=facts.pool,
        purchase_type=account.purchase_type,
        artifact=campaign.artifact,
        auto_assign=campaign.auto_assign,
        devices=devices,
    )
    if decision.entries:
        cause = caller.cause("assign for campaign", campaign=campaign.uuid)
        facts.changes.note(facts.pool, cause, decision.entries, now_ms)
    return decision.reasons


def _remove(connection: Connection, campaign: Campaign, devices: Sequence[int], now_ms: int) -> dict[int, Reason]:
    """Cancels the upgrades of the devices that have not begun."""
    upgrades = UpgradeChangeSet(campaign.account_id, [campaign])
    upgrades.emptied_by_user = True
    reasons = dict.fromkeys(devices, Reason.DEVICE_NOT_FOUND)
    for imei, upgrade in read_campaign_upgrades(connection, campaign.id, devices).items():
        if upgrade.status in (UpgradeStatus.PENDING, UpgradeStatus.SCHEDULED):
            reasons[imei] = Reason.NONE
            upgrades.changes.append(UpgradeChange(upgrade, UpgradeStatus.CANCELED, Reason.REMOVED_FROM_CAMPAIGN))
    upgrades.record(connection, now_ms)
    return reasons


async def change_dates(
    context: Context, caller: Caller, uuid: str, start_date: str, end_date: str, windows: Windows | None
) -> Campaign:
    """Changes dates and windows within rule U9; windows of None remain as they are.

    Raises RequestRejected: CAMPAIGN_UNKNOWN, DATES_FIXED, START_DATE_INVALID, END_DATE_INVALID or WINDOW_INVALID.
    """

    def change(facts: PoolFacts, now_ms: int) -> Campaign:
        campaign = _campaign(facts, uuid)
        planned = change_plan(campaign, start_date, end_date, now_ms)
        new_windows, before = changed_windows(campaign, windows), _dates(campaign)
        check_windows(new_windows, planned)
        campaign.start_date, campaign.end_date = planned.start_date, planned.end_date
        campaign.start_ms, campaign.end_ms, campaign.windows = planned.start_ms, planned.end_ms, new_windows
        campaign.updated_ms = now_ms
        upgrades = UpgradeChangeSet(campaign.account_id, [campaign])
        if campaign.status is CampaignStatus.SCHEDULED:
            campaign.scan_cursor = SCAN_START
        elif campaign.status in NOT_STARTED - {CampaignStatus.PENDING}:
            if campaign.status is not CampaignStatus.QUEUED:
                upgrades.change_status(campaign, CampaignStatus.QUEUED, now_ms)
            campaign.due_ms = queued_until_ms(campaign, now_ms)
        upgrades.record(facts.connection, now_ms)
        facts.changes.note(facts.pool, caller.cause("change campaign dates", campaign=uuid), [], now_ms)
        context.audit.record(facts.connection, now_ms, before, _dates(campaign))
        return campaign

    return await context.writer.submit(PoolCommand(caller, change, alone=True))


async def cancel_campaign(context: Context, caller: Caller, uuid: str, may_abort: bool) -> Campaign:
    """Cancels a campaign before its start; with `may_abort`, aborts a running one (rules U4, U6, U7).

    Raises RequestRejected: CAMPAIGN_UNKNOWN or CAMPAIGN_STARTED.
    """

    def cancel(facts: PoolFacts, now_ms: int) -> Campaign:
        campaign = _campaign(facts, uuid)
        status, before = decide_cancel(campaign, may_abort, now_ms), campaign.status
        upgrades = UpgradeChangeSet(campaign.account_id, [campaign])
        upgrades.change_status(campaign, status, now_ms)
        cancel_waiting(facts.connection, upgrades=upgrades, campaign=campaign, after=SCAN_START, limit=CANCELED_AT_ONCE)
        upgrades.record(facts.connection, now_ms)
        facts.changes.note(facts.pool, caller.cause("cancel campaign", campaign=uuid), [], now_ms)
        states = ({"status": one.name.lower()} for one in (before, status))
        context.audit.record(facts.connection, now_ms, *states)
        return campaign

    return await context.writer.submit(PoolCommand(caller, cancel, alone=True, devices=CANCELED_AT_ONCE))


def cancel_waiting(
    connection: Connection, upgrades: UpgradeChangeSet, campaign: Campaign, after: int, limit: int
) -> list[int]:
    """Cancels up to `limit` upgrades that have not begun, by IMEI, and sets the scan cursor. Returns the devices."""
    reason = Reason.CANCELED_BY_USER
    if campaign.status is CampaignStatus.ABORTED:
        is_stopped = read_stop(connection, campaign.id) is not None
        reason = Reason.STOPPED_BY_RULE if is_stopped else Reason.ABORTED_BY_USER
    waiting = read_unfinished(connection, campaign.id, after, limit)
    upgrades.changes += [UpgradeChange(upgrade, UpgradeStatus.CANCELED, reason) for upgrade in waiting]
    campaign.scan_cursor = waiting[-1].imei if len(waiting) == limit else None
    return [upgrade.imei for upgrade in waiting]
