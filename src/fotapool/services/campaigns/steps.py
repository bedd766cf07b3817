"""What the engine does about campaigns as time passes: one piece of work in one transaction, which may run again.

A step looks at the campaign's row as it is, does up to STEP_DEVICES devices' worth of what is due, and notes on the row
where to go on and when. A server that dies in between has done all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import NOT_STARTED, SCAN_START, CampaignStatus, Flow, after_check
from fotapool.domain.campaigns.device_checks import DeviceFacts, decide_checks, fits
from fotapool.domain.campaigns.upgrades import Change, Reason, Upgrade, UpgradeStatus
from fotapool.domain.errors import NotFound
from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.domain.simulation import Fleet, behavior_of, finish_ms, first_attempt_ms, is_reachable, outcome, retry_ms
from fotapool.services.campaigns.campaigns import cancel_waiting
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.campaigns import upgrades as store
from fotapool.store.campaigns.campaigns import claim_due_campaign, read_campaign_by_id, read_next_campaign_due
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.changes import LedgerChangeSet
from fotapool.store.simulation import read_fleets

STEP_DEVICES = 1_000
"""How many devices one transaction of the engine is about, so that requests of others come in between."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: what happened, in which campaign, and to which devices."""

    what: str
    account_id: int
    campaign: str
    devices: Sequence[int]


class _StepFacts:
    """The campaign as it is now, the fleets of its account, and what the step changes."""

    def __init__(self, connection: Connection, pool: Pool, campaign_id: int) -> None:
        self.connection = connection
        self.pool = pool
        found = read_campaign_by_id(connection, campaign_id)
        if found is None:
            raise NotFound("the campaign does not exist")
        self.campaign = found
        self.fleets: list[Fleet] = read_fleets(connection, found.account_id)
        self.changes = LedgerChangeSet()
        self.progress = UpgradeChangeSet(found.account_id, [found])

    def record(self, connection: Connection) -> None:
        """All of it was recorded when it was decided."""


Piece = Callable[[_StepFacts, int], StepResult | None]


class _Step(Command[StepResult | None]):
    alone = True

    def __init__(self, campaign_id: int, account_id: int) -> None:
        self._campaign_id = campaign_id
        self.account_ids = (account_id,)
        self.devices = STEP_DEVICES

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_Step], now_ms: int) -> _StepFacts:
        command = commands[0]
        return _StepFacts(connection, pools[command.account_ids[0]], command._campaign_id)

    def decide(self, facts: _StepFacts, now_ms: int) -> StepResult | None:
        campaign = facts.campaign
        if campaign.due_ms is None or campaign.due_ms > now_ms:
            return None  # another server was quicker
        done = _piece(facts, now_ms)(facts, now_ms)
        facts.changes.record(facts.connection)
        facts.progress.record(facts.connection, now_ms)
        return done


def _piece(facts: _StepFacts, now_ms: int) -> Piece:
    """What is to be done next about the campaign."""
    campaign = facts.campaign
    if campaign.status is CampaignStatus.PENDING:
        return _check
    if campaign.status in NOT_STARTED:
        return _join if campaign.enroll_cursor is not None else _go_on
    if campaign.status is not CampaignStatus.SCHEDULED:
        return _cancel_more if campaign.scan_cursor is not None else _finish
    if campaign.scan_cursor is not None:
        return _plan
    if campaign.enroll_cursor is not None:
        return _join
    next_ms = store.read_next_due(facts.connection, campaign.id)
    if next_ms is not None and next_ms <= now_ms:
        return _act
    return _end if campaign.end_ms <= now_ms else _nothing


def _done(facts: _StepFacts, what: str, devices: Sequence[int] = ()) -> StepResult:
    return StepResult(what, facts.campaign.account_id, facts.campaign.uuid, devices)


def _nothing(facts: _StepFacts, now_ms: int) -> None:
    """Only the moment at which it is due was out of date."""


def _engine(facts: _StepFacts) -> Caller:
    return Caller("engine", "", facts.campaign.account_id)


def _decided(facts: _StepFacts, devices: Sequence[DeviceFacts], now_ms: int) -> list[Reason]:
    """Checks the devices, and assigns the licenses that autoAssignLicenseFlag asks for."""
    campaign = facts.campaign
    account = read_account_by_id(facts.connection, campaign.account_id)
    if account is None:
        raise NotFound("the account does not exist")
    decision = decide_checks(
        pool=facts.pool,
        purchase_type=account.purchase_type,
        subject=campaign.subject,
        auto_assign=campaign.auto_assign,
        devices=devices,
    )
    if decision.entries:
        cause = _engine(facts).cause("assign for campaign", campaign=campaign.uuid)
        facts.changes.note(facts.pool, cause, decision.entries, now_ms)
    return decision.reasons


def _check(facts: _StepFacts, now_ms: int) -> StepResult:
    """Checks the next devices of a campaign; after the last of them it is queued, or rejected if none is left."""
    campaign, connection = facts.campaign, facts.connection
    after = SCAN_START if campaign.scan_cursor is None else campaign.scan_cursor
    page = store.read_pending(connection, campaign.id, after, STEP_DEVICES)
    reasons = _decided(facts, [device for _, device in page], now_ms)
    for (upgrade, _), reason in zip(page, reasons, strict=True):
        accepted = reason is Reason.NONE
        checked = UpgradeStatus.SCHEDULED if accepted else UpgradeStatus.REJECTED
        facts.progress.changes.append(Change(upgrade, checked, reason))
    devices = [upgrade.imei for upgrade, _ in page]
    if len(page) == STEP_DEVICES:
        campaign.scan_cursor, campaign.due_ms = page[-1][0].imei, now_ms
        return _done(facts, "devices checked", devices)
    campaign.scan_cursor = None
    if Reason.NONE in reasons or store.has_open(connection, campaign.id):
        status, campaign.due_ms = after_check(campaign, now_ms)
        facts.progress.move(campaign, status, now_ms)
        campaign.enroll_cursor = SCAN_START if campaign.auto_add else None
        if status is CampaignStatus.SCHEDULED:
            _begin(facts)
        return _done(facts, "campaign checked", devices)
    rejected = bool(reasons) or store.has_rejected(connection, campaign.id)
    status = CampaignStatus.REJECTED if rejected else CampaignStatus.CANCELED
    facts.progress.move(campaign, status, now_ms)
    return _done(facts, "campaign rejected" if rejected else "campaign canceled", devices)


def _begin(facts: _StepFacts) -> None:
    """What a campaign does first once it is scheduled: it plans when simulated devices are tried."""
    facts.campaign.scan_cursor = SCAN_START if facts.fleets else None


def _go_on(facts: _StepFacts, now_ms: int) -> StepResult:
    """A queued campaign is looked at by the network, if it is of that kind, and then scheduled."""
    campaign = facts.campaign
    if campaign.status is CampaignStatus.QUEUED and campaign.flow is Flow.NETWORK_AWARE:
        facts.progress.move(campaign, CampaignStatus.PRESCHEDULED, now_ms)
        campaign.due_ms = max(now_ms, campaign.start_ms)
        return _done(facts, "campaign prescheduled")
    if campaign.start_ms > now_ms:
        campaign.due_ms = campaign.start_ms
        return _done(facts, "campaign waits for its start")
    facts.progress.move(campaign, CampaignStatus.SCHEDULED, now_ms)
    _begin(facts)
    return _done(facts, "campaign started")


def _plan(facts: _StepFacts, now_ms: int) -> StepResult:
    """Plans when the next simulated devices are tried; all others come by themselves."""
    campaign = facts.campaign
    after = SCAN_START if campaign.scan_cursor is None else campaign.scan_cursor
    page = store.read_open_page(
        facts.connection, campaign_id=campaign.id, status=UpgradeStatus.SCHEDULED, after=after, limit=STEP_DEVICES
    )
    for upgrade in page:
        behavior = behavior_of(facts.fleets, upgrade.imei)
        if behavior is not None:
            from_ms = max(now_ms, campaign.start_ms)
            due_ms = first_attempt_ms(campaign, behavior, upgrade.imei, from_ms)
            facts.progress.changes.append(
                Change(upgrade, UpgradeStatus.SCHEDULED, Reason(upgrade.reason), due_ms=due_ms)
            )
    campaign.scan_cursor = page[-1].imei if len(page) == STEP_DEVICES else None
    return _done(facts, "devices planned", [upgrade.imei for upgrade in page])


def _join(facts: _StepFacts, now_ms: int) -> StepResult:
    """Further devices of the same make, model, firmware and protocol join (rule U11), up to the pilot's limit."""
    campaign, subject = facts.campaign, facts.campaign.subject
    after = SCAN_START if campaign.enroll_cursor is None else campaign.enroll_cursor
    room = STEP_DEVICES if subject.pilot_passed else max(0, PILOT_DEVICES - campaign.devices)
    fit = subject.make, subject.model, subject.from_version, subject.protocol
    page = store.read_joining(
        facts.connection,
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        fit=fit,
        after=after,
        limit=STEP_DEVICES,
    )
    fitting = [device for device in page if fits(subject, device) is Reason.NONE][:room]
    reasons = _decided(facts, fitting, now_ms)
    joined = [device.imei for device, reason in zip(fitting, reasons, strict=True) if reason is Reason.NONE]
    rows = [(imei, UpgradeStatus.SCHEDULED, Reason.NONE, _attempt(facts, imei, now_ms)) for imei in joined]
    store.record_new_upgrades(
        facts.connection, account_id=campaign.account_id, campaign_id=campaign.id, devices=rows, now_ms=now_ms
    )
    campaign.devices += len(joined)
    more = len(page) == STEP_DEVICES and room == STEP_DEVICES
    campaign.enroll_cursor = page[-1].imei if more else None
    if campaign.status in NOT_STARTED and not more:
        campaign.due_ms = max(now_ms, campaign.start_ms)
        if campaign.status is CampaignStatus.QUEUED:
            campaign.due_ms = after_check(campaign, now_ms)[1]
    return _done(facts, "devices joined", joined)


def _attempt(facts: _StepFacts, imei: int, now_ms: int) -> int | None:
    """When a simulated device is tried, if the campaign runs already; before, it is planned at the start."""
    behavior = behavior_of(facts.fleets, imei)
    if behavior is None or facts.campaign.status is not CampaignStatus.SCHEDULED:
        return None
    return first_attempt_ms(facts.campaign, behavior, imei, now_ms)


def _act(facts: _StepFacts, now_ms: int) -> StepResult:
    """The simulated devices whose time has come are tried, or report how their upgrade ended."""
    page = store.read_due(facts.connection, facts.campaign.id, now_ms, STEP_DEVICES)
    facts.progress.changes += [_acted(facts, upgrade, now_ms) for upgrade in page]
    return _done(facts, "devices acted", [upgrade.imei for upgrade in page])


def _acted(facts: _StepFacts, upgrade: Upgrade, now_ms: int) -> Change:
    campaign, imei = facts.campaign, upgrade.imei
    behavior = behavior_of(facts.fleets, imei)
    if behavior is None:  # the fleet was changed meanwhile: a device of its own now
        return Change(upgrade, UpgradeStatus(upgrade.status), Reason(upgrade.reason))
    if upgrade.status == UpgradeStatus.IN_PROGRESS:
        reason = outcome(behavior, imei, campaign.subject.name, upgrade.attempts)
        ended = UpgradeStatus.COMPLETED if reason is Reason.SUCCEEDED else UpgradeStatus.FAILED
        return Change(upgrade, ended, reason)
    if campaign.end_ms <= now_ms:
        return Change(upgrade, UpgradeStatus.FAILED, Reason.NOT_REACHED)
    if not is_reachable(behavior, imei, now_ms):
        due_ms = retry_ms(campaign, behavior, imei, now_ms)
        return Change(upgrade, UpgradeStatus.SCHEDULED, Reason.NOT_REACHABLE, due_ms=due_ms, attempts=1)
    due_ms = finish_ms(campaign, behavior, imei, now_ms)
    return Change(upgrade, UpgradeStatus.IN_PROGRESS, Reason.DOWNLOADING, due_ms=due_ms, attempts=1)


def _end(facts: _StepFacts, now_ms: int) -> StepResult:
    """A campaign whose end has come: what was not reached has failed, then the campaign has ended."""
    campaign = facts.campaign
    page = store.read_open_page(
        facts.connection, campaign_id=campaign.id, status=UpgradeStatus.SCHEDULED, after=SCAN_START, limit=STEP_DEVICES
    )
    facts.progress.changes += [Change(upgrade, UpgradeStatus.FAILED, Reason.NOT_REACHED) for upgrade in page]
    if len(page) < STEP_DEVICES:
        facts.progress.move(campaign, CampaignStatus.ENDED, now_ms)
        return _done(facts, "campaign ended", [upgrade.imei for upgrade in page])
    return _done(facts, "devices not reached", [upgrade.imei for upgrade in page])


def _cancel_more(facts: _StepFacts, now_ms: int) -> StepResult:
    """The rest of the devices of a campaign that was canceled or aborted."""
    after = SCAN_START if facts.campaign.scan_cursor is None else facts.campaign.scan_cursor
    devices = cancel_waiting(
        facts.connection, progress=facts.progress, campaign=facts.campaign, after=after, limit=STEP_DEVICES
    )
    return _done(facts, "upgrades canceled", devices)


def _finish(facts: _StepFacts, now_ms: int) -> StepResult:
    """After a campaign's end: running upgrades end by themselves, or are given up."""
    next_ms = store.read_next_due(facts.connection, facts.campaign.id)
    if next_ms is not None and next_ms <= now_ms:
        return _act(facts, now_ms)
    page = store.read_open_page(
        facts.connection,
        campaign_id=facts.campaign.id,
        status=UpgradeStatus.IN_PROGRESS,
        after=SCAN_START,
        limit=STEP_DEVICES,
    )
    facts.progress.changes += [Change(upgrade, UpgradeStatus.FAILED, Reason.NOT_REPORTED) for upgrade in page]
    return _done(facts, "devices did not report", [upgrade.imei for upgrade in page])


async def step_due_campaign(context: Context) -> tuple[bool, StepResult | None]:
    """Does one piece of work on the campaign that has been due longest: whether there was one, and what was done."""
    claimed = await context.writer.submit(DirectCommand(claim_due_campaign))
    if claimed is None:
        return False, None
    campaign_id, account_id = claimed
    return True, await context.writer.submit(_Step(campaign_id, account_id))


async def next_campaign_due(context: Context) -> int | None:
    """When (ms) a campaign is next due, or None."""
    return await context.reader.short(read_next_campaign_due, context.clock.now_ms())
