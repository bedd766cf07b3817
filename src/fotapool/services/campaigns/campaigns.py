"""Scheduling campaigns and changing them: devices, dates and windows, cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
from fotapool.domain.campaigns.device_checks import decide_checks
from fotapool.domain.campaigns.upgrades import Reason, UpgradeChange, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.campaigns.campaigns import read_campaign, record_new_campaign
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import (
    read_campaign_upgrades,
    read_device_facts,
    read_unfinished,
    record_new_upgrades,
)
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.changes import LedgerChangeSet
from fotapool.store.packages.artifacts import find_file, find_package

CANCELED_AT_ONCE = 1_000
"""How many devices' upgrades are canceled with their campaign; the engine goes on with the others."""


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What a user asks for. The package is named, or a file with its version; given versions must be the package's."""

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
    windows: Windows = field(default_factory=Windows)
    auto_assign: bool = False
    auto_add: bool = False
    devices: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What became of one device that was to be added or removed: Reason.NONE, or why not."""

    device: int
    reason: Reason


class _CampaignFacts:
    """A connection whose transaction has the account's pool locked; what is decided is written at once."""

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.connection = connection
        self.pool = pool
        self.changes = LedgerChangeSet()

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)

    def campaign(self, account_id: int, uuid: str) -> Campaign:
        """Raises RequestRejected(CAMPAIGN_UNKNOWN)."""
        found = read_campaign(self.connection, account_id, uuid)
        if found is None:
            raise RequestRejected(ErrorCode.CAMPAIGN_UNKNOWN, uuid)
        return found


class _CampaignCommand(Command[Campaign]):
    alone = True

    def __init__(self, caller: Caller, devices: int = 1) -> None:
        self._caller = caller
        self.account_ids = (caller.account_id,)
        self.auth_epoch = caller.auth_epoch
        self.devices = devices

    @classmethod
    def load(
        cls, connection: Connection, pools: Pools, commands: Sequence[_CampaignCommand], now_ms: int
    ) -> _CampaignFacts:
        return _CampaignFacts(connection, pools[commands[0]._caller.account_id])


class _Schedule(_CampaignCommand):
    def __init__(self, caller: Caller, wanted: NewCampaign, uuid: str) -> None:
        super().__init__(caller, len(wanted.devices))
        self._wanted = wanted
        self._uuid = uuid

    def decide(self, facts: _CampaignFacts, now_ms: int) -> Campaign:
        wanted, account_id = self._wanted, self._caller.account_id
        subject = _subject(facts.connection, account_id, wanted)
        devices = list(dict.fromkeys(wanted.devices))
        _check_pilot(wanted.flow, subject, len(devices))
        planned = plan(
            flow=wanted.flow,
            protocol=subject.protocol,
            start_date=wanted.start_date,
            end_date=wanted.end_date,
            now_ms=now_ms,
        )
        check_windows(wanted.windows, planned)
        campaign = Campaign(
            id=0,
            uuid=self._uuid,
            account_id=account_id,
            flow=wanted.flow,
            subject=subject,
            name=wanted.name,
            start_date=planned.start_date,
            end_date=planned.end_date,
            start_ms=planned.start_ms,
            end_ms=planned.end_ms,
            windows=wanted.windows,
            auto_assign=wanted.auto_assign,
            auto_add=wanted.auto_add,
            status=CampaignStatus.PENDING,
            devices=len(devices),
            scan_cursor=SCAN_START,
            enroll_cursor=None,
            created_ms=now_ms,
            updated_ms=now_ms,
            ended_ms=None,
            due_ms=now_ms + CHECK_AFTER_MS,
        )
        record_new_campaign(facts.connection, campaign)
        pending = [(imei, UpgradeStatus.PENDING, Reason.NONE, None) for imei in devices]
        record_new_upgrades(
            facts.connection, account_id=account_id, campaign_id=campaign.id, devices=pending, now_ms=now_ms
        )
        cause = self._caller.cause("schedule campaign", campaign=campaign.uuid, devices=len(devices))
        facts.changes.note(facts.pool, cause, [], now_ms)
        return campaign


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


def _check_pilot(flow: Flow, subject: Artifact, devices: int) -> None:
    """Raises RequestRejected(PILOT_TOO_LARGE): the rule is of v2 and v3, whose flows are PULL and NETWORK_AWARE (rule
    U10).
    """
    if flow is not Flow.PUSH and not subject.pilot_passed and devices > PILOT_DEVICES:
        raise RequestRejected(ErrorCode.PILOT_TOO_LARGE)


async def schedule_campaign(context: Context, caller: Caller, wanted: NewCampaign) -> Campaign:
    """Accepts a campaign; its devices are checked by the engine (rule U1).

    Raises RequestRejected: DEVICE_LIST_EMPTY, PACKAGE_UNKNOWN, FILE_UNKNOWN, PROTOCOL_INVALID, PILOT_TOO_LARGE,
    START_DATE_INVALID, END_DATE_INVALID, WINDOW_INVALID or BODY_INVALID for a name over MAX_NAME characters.
    """
    if not wanted.devices:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(wanted.name) > MAX_NAME or "\x00" in wanted.name:
        raise RequestRejected(ErrorCode.BODY_INVALID)
    return await context.writer.submit(_Schedule(caller, wanted, context.new_uuid()))


class _ChangeDevices(Command[list[DeviceChange]]):
    alone = True
    load = _CampaignCommand.load

    def __init__(self, caller: Caller, uuid: str, devices: Sequence[int], append: bool) -> None:
        self._caller = caller
        self._uuid = uuid
        self._devices = devices
        self._append = append
        self.account_ids = (caller.account_id,)
        self.auth_epoch = caller.auth_epoch
        self.devices = len(devices)

    def decide(self, facts: _CampaignFacts, now_ms: int) -> list[DeviceChange]:
        campaign = facts.campaign(self._caller.account_id, self._uuid)
        if campaign.status not in CHANGEABLE:
            raise RequestRejected(ErrorCode.DEVICES_FIXED)
        devices = list(dict.fromkeys(self._devices))
        change = self._add if self._append else self._remove
        reasons = change(facts, campaign, devices, now_ms)
        verb = "add devices to campaign" if self._append else "remove devices from campaign"
        facts.changes.note(facts.pool, self._caller.cause(verb, campaign=campaign.uuid), [], now_ms)
        return [DeviceChange(device, reasons[device]) for device in self._devices]

    def _add(self, facts: _CampaignFacts, campaign: Campaign, devices: Sequence[int], now_ms: int) -> dict[int, Reason]:
        """Adds devices: to be checked with the others, or checked at once where that is over."""
        connection, progress = facts.connection, UpgradeChangeSet(campaign.account_id, [campaign])
        present = read_campaign_upgrades(connection, campaign.id, devices)
        live = {UpgradeStatus.PENDING, UpgradeStatus.SCHEDULED, UpgradeStatus.IN_PROGRESS}
        reasons = {imei: Reason.ALREADY_SCHEDULED for imei, upgrade in present.items() if upgrade.status in live}
        new = [device for device in devices if device not in reasons]
        _check_pilot(campaign.flow, campaign.subject, campaign.devices + len(set(new) - present.keys()))
        status = UpgradeStatus.PENDING
        if campaign.status is CampaignStatus.QUEUED and new:
            reasons |= self._checked(facts, campaign, new, now_ms)
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
        progress.record(connection, now_ms)
        return reasons

    def _checked(
        self, facts: _CampaignFacts, campaign: Campaign, devices: Sequence[int], now_ms: int
    ) -> dict[int, Reason]:
        account = read_account_by_id(facts.connection, campaign.account_id)
        assert account is not None
        found = read_device_facts(facts.connection, campaign.account_id, devices)
        decision = decide_checks(
            pool=facts.pool,
            purchase_type=account.purchase_type,
            subject=campaign.subject,
            auto_assign=campaign.auto_assign,
            devices=[found[device] for device in devices],
        )
        if decision.entries:
            cause = self._caller.cause("assign for campaign", campaign=campaign.uuid)
            facts.changes.note(facts.pool, cause, decision.entries, now_ms)
        return dict(zip(devices, decision.reasons, strict=True))

    def _remove(
        self, facts: _CampaignFacts, campaign: Campaign, devices: Sequence[int], now_ms: int
    ) -> dict[int, Reason]:
        progress = UpgradeChangeSet(campaign.account_id, [campaign])
        progress.emptied_by_user = True
        present = read_campaign_upgrades(facts.connection, campaign.id, devices)
        waiting = (UpgradeStatus.PENDING, UpgradeStatus.SCHEDULED)
        reasons = dict.fromkeys(devices, Reason.DEVICE_NOT_FOUND)
        for imei, upgrade in present.items():
            if upgrade.status in waiting:
                reasons[imei] = Reason.NONE
                change = UpgradeChange(upgrade, UpgradeStatus.CANCELED, Reason.REMOVED_FROM_CAMPAIGN)
                progress.changes.append(change)
        progress.record(facts.connection, now_ms)
        return reasons


async def add_devices(context: Context, caller: Caller, uuid: str, devices: Sequence[int]) -> list[DeviceChange]:
    """Adds devices to a campaign that is not scheduled yet (rules U4, U8); answers each one's outcome in order.

    Raises RequestRejected: CAMPAIGN_UNKNOWN, DEVICES_FIXED or PILOT_TOO_LARGE.
    """
    return await context.writer.submit(_ChangeDevices(caller, uuid, devices, append=True))


async def remove_devices(context: Context, caller: Caller, uuid: str, devices: Sequence[int]) -> list[DeviceChange]:
    """Takes devices out of a campaign that is not scheduled yet; without devices it ends (rule U4).

    Raises RequestRejected: CAMPAIGN_UNKNOWN or DEVICES_FIXED.
    """
    return await context.writer.submit(_ChangeDevices(caller, uuid, devices, append=False))


class _ChangeDates(_CampaignCommand):
    def __init__(self, caller: Caller, uuid: str, start_date: str, end_date: str, windows: Windows | None) -> None:
        super().__init__(caller)
        self._uuid = uuid
        self._start_date = start_date
        self._end_date = end_date
        self._windows = windows

    def decide(self, facts: _CampaignFacts, now_ms: int) -> Campaign:
        campaign = facts.campaign(self._caller.account_id, self._uuid)
        planned = change_plan(campaign, self._start_date, self._end_date, now_ms)
        windows = changed_windows(campaign, self._windows)
        check_windows(windows, planned)
        campaign.start_date, campaign.end_date = planned.start_date, planned.end_date
        campaign.start_ms, campaign.end_ms, campaign.windows = planned.start_ms, planned.end_ms, windows
        campaign.updated_ms = now_ms
        progress = UpgradeChangeSet(campaign.account_id, [campaign])
        if campaign.status is CampaignStatus.SCHEDULED:
            campaign.scan_cursor = SCAN_START
        elif campaign.status in NOT_STARTED - {CampaignStatus.PENDING}:
            if campaign.status is not CampaignStatus.QUEUED:
                progress.change_status(campaign, CampaignStatus.QUEUED, now_ms)
            campaign.due_ms = queued_until_ms(campaign, now_ms)
        progress.record(facts.connection, now_ms)
        cause = self._caller.cause("change campaign dates", campaign=campaign.uuid)
        facts.changes.note(facts.pool, cause, [], now_ms)
        return campaign


async def change_dates(
    context: Context, caller: Caller, uuid: str, start_date: str, end_date: str, windows: Windows | None
) -> Campaign:
    """Changes dates and windows as far as rule U9 allows; windows of None stay as they are.

    Raises RequestRejected: CAMPAIGN_UNKNOWN, DATES_FIXED, START_DATE_INVALID, END_DATE_INVALID or WINDOW_INVALID.
    """
    return await context.writer.submit(
        _ChangeDates(caller=caller, uuid=uuid, start_date=start_date, end_date=end_date, windows=windows)
    )


class _Cancel(_CampaignCommand):
    def __init__(self, caller: Caller, uuid: str, may_abort: bool) -> None:
        super().__init__(caller, CANCELED_AT_ONCE)
        self._uuid = uuid
        self._may_abort = may_abort

    def decide(self, facts: _CampaignFacts, now_ms: int) -> Campaign:
        campaign = facts.campaign(self._caller.account_id, self._uuid)
        status = decide_cancel(campaign, self._may_abort, now_ms)
        progress = UpgradeChangeSet(campaign.account_id, [campaign])
        progress.change_status(campaign, status, now_ms)
        cancel_waiting(facts.connection, progress=progress, campaign=campaign, after=SCAN_START, limit=CANCELED_AT_ONCE)
        progress.record(facts.connection, now_ms)
        facts.changes.note(facts.pool, self._caller.cause("cancel campaign", campaign=campaign.uuid), [], now_ms)
        return campaign


def cancel_waiting(
    connection: Connection, progress: UpgradeChangeSet, campaign: Campaign, after: int, limit: int
) -> list[int]:
    """Cancels up to `limit` upgrades that have not begun, by IMEI; notes where to go on. Answers the devices."""
    aborted = campaign.status is CampaignStatus.ABORTED
    reason = Reason.ABORTED_BY_USER if aborted else Reason.CANCELED_BY_USER
    waiting = read_unfinished(connection, campaign.id, after, limit)
    progress.changes += [UpgradeChange(upgrade, UpgradeStatus.CANCELED, reason) for upgrade in waiting]
    campaign.scan_cursor = waiting[-1].imei if len(waiting) == limit else None
    return [upgrade.imei for upgrade in waiting]


async def cancel_campaign(context: Context, caller: Caller, uuid: str, may_abort: bool) -> Campaign:
    """Cancels a campaign before its start, or aborts it while it runs where that may be (rules U4, U6, U7).

    Raises RequestRejected: CAMPAIGN_UNKNOWN or CAMPAIGN_STARTED.
    """
    return await context.writer.submit(_Cancel(caller, uuid, may_abort))
