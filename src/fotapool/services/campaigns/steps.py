"""The worker's steps on campaigns as time passes: each is one transaction, and may run again.

A step reads the campaign's row, handles up to STEP_DEVICES devices for which something is due, and stores on the row
where the next step begins and when. A server that dies has done a step completely or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.telemetry.definitions import CAMPAIGNS_STOPPED
from fotapool.domain.campaigns.campaigns import NOT_STARTED, SCAN_START, Campaign, CampaignStatus, Flow, after_check
from fotapool.domain.campaigns.device_checks import DeviceFacts, fits
from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeChange, UpgradeStatus
from fotapool.domain.errors import NotFound
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.domain.simulation import Fleet, behavior_of, finish_ms, first_attempt_ms, is_reachable, outcome, retry_ms
from fotapool.services.campaigns.campaigns import cancel_waiting, check_devices
from fotapool.services.commands import DirectCommand, PoolCommand, PoolFacts, submit_unless_deleted
from fotapool.services.context import WORKER, Caller, Context
from fotapool.store.campaigns import upgrades as store
from fotapool.store.campaigns.campaigns import claim_due_campaign, read_campaign_by_id, read_next_campaign_due
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.simulation import read_fleets

log = Log(__name__)

STEP_DEVICES = 1_000
"""Maximum number of devices per transaction, so that requests run in between."""


STOPPED = "campaign stopped"
"""The first step of a campaign that its stop rule has stopped."""


class StepResult(NamedTuple):
    """The result of a step: what was done, in which account and campaign, and to which devices."""

    what: str
    account_id: int
    campaign: str
    devices: Sequence[int]


class _StepFacts(PoolFacts):
    """The campaign as it is now, the fleets of its account, and the changes of the step."""

    def __init__(self, facts: PoolFacts, campaign: Campaign) -> None:
        super().__init__(facts.connection, facts.pool)
        self.campaign = campaign
        self.fleets: list[Fleet] = read_fleets(facts.connection, campaign.account_id)
        self.upgrades = UpgradeChangeSet(campaign.account_id, [campaign])
        self.caller = Caller(WORKER, "", campaign.account_id)


Action = Callable[[_StepFacts, int], StepResult | None]


async def step_due_campaign(context: Context) -> tuple[bool, StepResult | None]:
    """Runs a step of the campaign that has been due longest. Returns whether one was due, and the step's result."""
    claimed = await context.writer.submit(DirectCommand(claim_due_campaign))
    if claimed is None:
        return False, None
    campaign_id, account_id = claimed

    def step(facts: PoolFacts, now_ms: int) -> StepResult | None:
        campaign = read_campaign_by_id(facts.connection, campaign_id)
        if campaign is None:
            raise NotFound("the campaign does not exist")
        if campaign.due_ms is None or campaign.due_ms > now_ms:
            return None  # another worker took this step
        step_facts = _StepFacts(facts, campaign)
        result = next_action(step_facts, now_ms)(step_facts, now_ms)
        step_facts.record(facts.connection)
        step_facts.upgrades.record(facts.connection, now_ms)
        return result

    caller = Caller(WORKER, "", account_id)
    command = PoolCommand(caller, step, alone=True, devices=STEP_DEVICES)
    result = await submit_unless_deleted(context, command, None)
    if result is not None and result.what == STOPPED:
        context.metrics.count(CAMPAIGNS_STOPPED)
        log.write(LogEvent.CAMPAIGN_STOPPED, campaign=result.campaign, account_id=account_id)
    return True, result


async def next_campaign_due(context: Context) -> int | None:
    """When (ms) a campaign is next due, or None."""
    return await context.reader.short(read_next_campaign_due, context.clock.now_ms())


def next_action(facts: _StepFacts, now_ms: int) -> Action:
    """The action that is due for the campaign."""
    campaign = facts.campaign
    if campaign.status is CampaignStatus.PENDING:
        return _check
    if campaign.status in NOT_STARTED:
        return _enroll if campaign.enroll_cursor is not None else start_or_wait
    if campaign.status is not CampaignStatus.SCHEDULED:
        return _cancel_more if campaign.scan_cursor is not None else close_out
    if campaign.scan_cursor is not None:
        return _plan
    if campaign.enroll_cursor is not None:
        return _enroll
    next_ms = store.read_next_due(facts.connection, campaign.id)
    if next_ms is not None and next_ms <= now_ms:
        return run_due_devices
    return _end if campaign.end_ms <= now_ms else _nothing


def _result(facts: _StepFacts, what: str, devices: Sequence[int] = ()) -> StepResult:
    return StepResult(what, facts.campaign.account_id, facts.campaign.uuid, devices)


def _nothing(facts: _StepFacts, now_ms: int) -> None:
    """No work: due_ms was stale."""


def _open_page(facts: _StepFacts, status: UpgradeStatus, after: int = SCAN_START) -> list[Upgrade]:
    """Up to STEP_DEVICES upgrades of the campaign in this status, by IMEI."""
    return store.read_open_page(
        facts.connection, campaign_id=facts.campaign.id, status=status, after=after, limit=STEP_DEVICES
    )


def _fail(facts: _StepFacts, page: Sequence[Upgrade], reason: Reason) -> list[int]:
    """Fails the upgrades; returns their devices."""
    facts.upgrades.changes += [UpgradeChange(upgrade, UpgradeStatus.FAILED, reason) for upgrade in page]
    return [upgrade.imei for upgrade in page]


def _check(facts: _StepFacts, now_ms: int) -> StepResult:
    """Checks the next devices; after the last one, the campaign is queued, or rejected if no device is left."""
    campaign, connection = facts.campaign, facts.connection
    after = SCAN_START if campaign.scan_cursor is None else campaign.scan_cursor
    page = store.read_pending(connection, campaign.id, after, STEP_DEVICES)
    reasons = _check_devices(facts, [device for _, device in page], now_ms)
    for (upgrade, _), reason in zip(page, reasons, strict=True):
        checked = UpgradeStatus.SCHEDULED if reason is Reason.NONE else UpgradeStatus.REJECTED
        facts.upgrades.changes.append(UpgradeChange(upgrade, checked, reason))
    devices = [upgrade.imei for upgrade, _ in page]
    if len(page) == STEP_DEVICES:
        campaign.scan_cursor, campaign.due_ms = page[-1][0].imei, now_ms
        return _result(facts, "devices checked", devices)
    campaign.scan_cursor = None
    if Reason.NONE in reasons or store.has_open(connection, campaign.id):
        status, campaign.due_ms = after_check(campaign, now_ms)
        facts.upgrades.change_status(campaign, status, now_ms)
        campaign.enroll_cursor = SCAN_START if campaign.auto_add else None
        if status is CampaignStatus.SCHEDULED:
            _begin(facts)
        return _result(facts, "campaign checked", devices)
    rejected = bool(reasons) or store.has_rejected(connection, campaign.id)
    status = CampaignStatus.REJECTED if rejected else CampaignStatus.CANCELED
    facts.upgrades.change_status(campaign, status, now_ms)
    return _result(facts, "campaign rejected" if rejected else "campaign canceled", devices)


def _check_devices(facts: _StepFacts, devices: Sequence[DeviceFacts], now_ms: int) -> list[Reason]:
    return check_devices(facts, caller=facts.caller, campaign=facts.campaign, devices=devices, now_ms=now_ms)


def _begin(facts: _StepFacts) -> None:
    """Lets a campaign that is now scheduled plan the attempts of simulated devices."""
    facts.campaign.scan_cursor = SCAN_START if facts.fleets else None


def start_or_wait(facts: _StepFacts, now_ms: int) -> StepResult:
    """Prepares a queued campaign (by the network check, if it is network-aware), and schedules it at its start."""
    campaign = facts.campaign
    if campaign.status is CampaignStatus.QUEUED and campaign.flow is Flow.NETWORK_AWARE:
        facts.upgrades.change_status(campaign, CampaignStatus.PRESCHEDULED, now_ms)
        campaign.due_ms = max(now_ms, campaign.start_ms)
        return _result(facts, "campaign prescheduled")
    if campaign.start_ms > now_ms:
        campaign.due_ms = campaign.start_ms
        return _result(facts, "campaign waits for its start")
    facts.upgrades.change_status(campaign, CampaignStatus.SCHEDULED, now_ms)
    _begin(facts)
    return _result(facts, "campaign started")


def _plan(facts: _StepFacts, now_ms: int) -> StepResult:
    """Plans the first attempts of the next simulated devices; other devices check in by themselves."""
    campaign = facts.campaign
    after = SCAN_START if campaign.scan_cursor is None else campaign.scan_cursor
    page = _open_page(facts, UpgradeStatus.SCHEDULED, after)
    for upgrade in page:
        behavior = behavior_of(facts.fleets, upgrade.imei)
        if behavior is not None:
            from_ms = max(now_ms, campaign.start_ms)
            due_ms = first_attempt_ms(campaign, behavior, upgrade.imei, from_ms)
            change = UpgradeChange(upgrade, UpgradeStatus.SCHEDULED, Reason(upgrade.reason), due_ms=due_ms)
            facts.upgrades.changes.append(change)
    campaign.scan_cursor = page[-1].imei if len(page) == STEP_DEVICES else None
    return _result(facts, "devices planned", [upgrade.imei for upgrade in page])


def _enroll(facts: _StepFacts, now_ms: int) -> StepResult:
    """Adds further devices of the same make, model, firmware and protocol (rule U11), up to the pilot's limit."""
    campaign, artifact = facts.campaign, facts.campaign.artifact
    after = SCAN_START if campaign.enroll_cursor is None else campaign.enroll_cursor
    room = STEP_DEVICES if artifact.pilot_passed else max(0, PILOT_DEVICES - campaign.devices)
    fit = artifact.make, artifact.model, artifact.from_version, artifact.protocol
    page = store.read_joining(
        facts.connection,
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        fit=fit,
        after=after,
        limit=STEP_DEVICES,
    )
    fitting = [device for device in page if fits(artifact, device) is Reason.NONE][:room]
    reasons = _check_devices(facts, fitting, now_ms)
    enrolled = [device.imei for device, reason in zip(fitting, reasons, strict=True) if reason is Reason.NONE]
    rows = [(imei, UpgradeStatus.SCHEDULED, Reason.NONE, _attempt(facts, imei, now_ms)) for imei in enrolled]
    store.record_new_upgrades(
        facts.connection, account_id=campaign.account_id, campaign_id=campaign.id, devices=rows, now_ms=now_ms
    )
    campaign.devices += len(enrolled)
    more = len(page) == STEP_DEVICES and room == STEP_DEVICES
    campaign.enroll_cursor = page[-1].imei if more else None
    if campaign.status in NOT_STARTED and not more:
        campaign.due_ms = max(now_ms, campaign.start_ms)
        if campaign.status is CampaignStatus.QUEUED:
            campaign.due_ms = after_check(campaign, now_ms)[1]
    return _result(facts, "devices joined", enrolled)


def _attempt(facts: _StepFacts, imei: int, now_ms: int) -> int | None:
    """The first attempt (ms) of a simulated device if the campaign is running; before its start, _plan decides it."""
    behavior = behavior_of(facts.fleets, imei)
    if behavior is None or facts.campaign.status is not CampaignStatus.SCHEDULED:
        return None
    return first_attempt_ms(facts.campaign, behavior, imei, now_ms)


def run_due_devices(facts: _StepFacts, now_ms: int) -> StepResult:
    """Runs the simulated devices that are due: they attempt their upgrade, or report its result."""
    page = store.read_due(facts.connection, facts.campaign.id, now_ms, STEP_DEVICES)
    facts.upgrades.changes += [_run_device(facts, upgrade, now_ms) for upgrade in page]
    return _result(facts, "devices acted", [upgrade.imei for upgrade in page])


def _run_device(facts: _StepFacts, upgrade: Upgrade, now_ms: int) -> UpgradeChange:
    campaign, imei = facts.campaign, upgrade.imei
    behavior = behavior_of(facts.fleets, imei)
    if behavior is None:  # the fleet changed meanwhile: the device is not simulated any more
        return UpgradeChange(upgrade, UpgradeStatus(upgrade.status), Reason(upgrade.reason))
    if upgrade.status == UpgradeStatus.IN_PROGRESS:
        reason = outcome(behavior, imei, campaign.artifact.name, upgrade.attempts)
        ended = UpgradeStatus.COMPLETED if reason is Reason.SUCCEEDED else UpgradeStatus.FAILED
        return UpgradeChange(upgrade, ended, reason)
    if campaign.end_ms <= now_ms:
        return UpgradeChange(upgrade, UpgradeStatus.FAILED, Reason.NOT_REACHED)
    if not is_reachable(behavior, imei, now_ms):
        due_ms = retry_ms(campaign, behavior, imei, now_ms)
        return UpgradeChange(upgrade, UpgradeStatus.SCHEDULED, Reason.NOT_REACHABLE, due_ms=due_ms, attempts=1)
    due_ms = finish_ms(campaign, behavior, imei, now_ms)
    return UpgradeChange(upgrade, UpgradeStatus.IN_PROGRESS, Reason.DOWNLOADING, due_ms=due_ms, attempts=1)


def _end(facts: _StepFacts, now_ms: int) -> StepResult:
    """At the campaign's end: fails the upgrades that have not begun; after the last of them, ends the campaign."""
    devices = _fail(facts, _open_page(facts, UpgradeStatus.SCHEDULED), Reason.NOT_REACHED)
    if len(devices) < STEP_DEVICES:
        facts.upgrades.change_status(facts.campaign, CampaignStatus.ENDED, now_ms)
        return _result(facts, "campaign ended", devices)
    return _result(facts, "devices not reached", devices)


def _cancel_more(facts: _StepFacts, now_ms: int) -> StepResult:
    """Cancels the remaining upgrades of a campaign that was canceled or aborted.

    The first step of a campaign that a stop rule has stopped begins with the first device, and notes the change.
    """
    is_first = facts.campaign.scan_cursor == SCAN_START
    after = SCAN_START if facts.campaign.scan_cursor is None else facts.campaign.scan_cursor
    devices = cancel_waiting(
        facts.connection, upgrades=facts.upgrades, campaign=facts.campaign, after=after, limit=STEP_DEVICES
    )
    if is_first:
        cause = facts.caller.cause("stop campaign", campaign=facts.campaign.uuid)
        facts.changes.note(facts.pool, cause, [], now_ms)
    return _result(facts, STOPPED if is_first else "upgrades canceled", devices)


def close_out(facts: _StepFacts, now_ms: int) -> StepResult:
    """After a campaign's end: runs due devices, then fails the upgrades that did not report in time."""
    next_ms = store.read_next_due(facts.connection, facts.campaign.id)
    if next_ms is not None and next_ms <= now_ms:
        return run_due_devices(facts, now_ms)
    devices = _fail(facts, _open_page(facts, UpgradeStatus.IN_PROGRESS), Reason.NOT_REPORTED)
    return _result(facts, "devices did not report", devices)
