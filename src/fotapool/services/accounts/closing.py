"""Closes an account for good: its subscription is reduced to 0, its campaigns end, its users have no access.

Records stay: statements, ledger, audit log, upgrades, devices.
"""

from __future__ import annotations

from fotapool.domain.accounts.closing import Holdings, closing_status
from fotapool.domain.accounts.scheduled_changes import canceled
from fotapool.domain.accounts.subscriptions import NOTICE_KINDS, RECLAIM_KINDS, SubscriptionChange
from fotapool.domain.campaigns.campaigns import RUNNING, SCAN_START
from fotapool.domain.campaigns.upgrades import Reason, UpgradeChange, UpgradeStatus
from fotapool.domain.errors import NotFound
from fotapool.domain.names import AccountStatus
from fotapool.services.accounts.accounts import check_not_closed
from fotapool.services.accounts.subscriptions import plan_change, record_change
from fotapool.services.commands import DirectCommand, PoolCommand, PoolFacts, pool_of
from fotapool.services.context import Caller, Context
from fotapool.store.accounts import closing as store
from fotapool.store.accounts import scheduled_changes as scheduled_store
from fotapool.store.accounts.accounts import Account, read_account_by_id, record_status
from fotapool.store.campaigns.campaigns import read_campaigns
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import read_open_upgrades
from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import record_auth_epoch
from fotapool.store.licenses.bulk_jobs import record_canceled
from fotapool.store.licenses.candidates import read_candidates, record_candidates

MAX_CAMPAIGNS = 100_000
"""Maximum number of campaigns that have not ended of one account."""


async def close_account(context: Context, caller: Caller) -> Holdings:
    """Closes the caller's account; returns what it held. Raises NotFound, and Conflict if it is closed already.

    The upgrades of its campaigns that have not begun are canceled by the worker, in steps.
    """

    def close(facts: PoolFacts, now_ms: int) -> Holdings:
        account = _account(facts.connection, caller.account_id)
        check_not_closed(account)
        campaigns = _end_campaigns(facts, now_ms)
        _cancel_operator_upgrades(facts, now_ms)
        change = plan_change(facts.connection, pool=facts.pool, account=account, total=0, now_ms=now_ms)
        holdings = _holdings(facts.connection, account, campaigns, change)
        record_change(facts, account=account, change=change, cause=caller.cause("close account"), now_ms=now_ms)
        scheduled_changes = _stop_work(facts, now_ms)
        record_status(facts.connection, account.id, AccountStatus.CLOSED)
        record_auth_epoch(facts.connection)
        before = {"status": account.status.value, "licenseCount": account.total}
        after = {"status": AccountStatus.CLOSED.value, "licenseCount": 0, **_numbers(holdings, scheduled_changes)}
        context.audit.record(facts.connection, now_ms, before, after)
        return holdings

    return await context.writer.submit(PoolCommand(caller, close, alone=True, inline=False))


async def preview_closing(context: Context, caller: Caller) -> Holdings:
    """What `close_account` would end now. Raises as it does."""

    def read(connection: Connection, now_ms: int) -> Holdings:
        account = _account(connection, caller.account_id)
        check_not_closed(account)
        campaigns = read_campaigns(
            connection,
            account_id=account.id,
            statuses=RUNNING,
            after=0,
            skipped=0,
            since_ms=0,
            limit=MAX_CAMPAIGNS,
        )
        change = plan_change(connection, pool=pool_of(account), account=account, total=0, now_ms=now_ms)
        return _holdings(connection, account, len(campaigns), change)

    return await context.reader.long(read, context.clock.now_ms())


async def end_idle_listeners(context: Context) -> None:
    """Deletes the listeners of closed accounts to which nothing is due any more."""

    def end(connection: Connection, _now_ms: int) -> bool:
        account_id = store.read_closed_with_idle_listeners(connection)
        if account_id is not None:
            store.delete_listeners(connection, account_id)
        return account_id is not None

    while await context.reader.short(store.read_closed_with_idle_listeners) is not None:
        await context.writer.submit(DirectCommand(end))


def _account(connection: Connection, account_id: int) -> Account:
    account = read_account_by_id(connection, account_id)
    if account is None:
        raise NotFound("the account does not exist any more")
    return account


def _end_campaigns(facts: PoolFacts, now_ms: int) -> int:
    """Ends all campaigns that have not ended, and leaves their waiting upgrades to the worker; returns how many."""
    account_id = facts.pool.account_id
    campaigns = read_campaigns(
        facts.connection,
        account_id=account_id,
        statuses=RUNNING,
        after=0,
        skipped=0,
        since_ms=0,
        limit=MAX_CAMPAIGNS,
    )
    changes = UpgradeChangeSet(account_id, campaigns)
    for campaign in campaigns:
        changes.change_status(campaign, closing_status(campaign), now_ms)
        campaign.scan_cursor, campaign.enroll_cursor = SCAN_START, None
    changes.record(facts.connection, now_ms)
    return len(campaigns)


def _cancel_operator_upgrades(facts: PoolFacts, now_ms: int) -> None:
    """Cancels what operators have scheduled outside of campaigns."""
    account_id = facts.pool.account_id
    devices = store.read_devices_scheduled_by_operators(facts.connection, account_id)
    upgrades = read_open_upgrades(facts.connection, [(account_id, device) for device in devices]) if devices else []
    changes = UpgradeChangeSet(account_id)
    changes.changes = [UpgradeChange(one, UpgradeStatus.CANCELED, Reason.SET_BY_OPERATOR) for one in upgrades]
    changes.record(facts.connection, now_ms)


def _stop_work(facts: PoolFacts, now_ms: int) -> int:
    """Empties the candidate list, and cancels bulk jobs and scheduled changes; returns the number of the latter."""
    connection, pool = facts.connection, facts.pool
    if pool.candidates:
        before = read_candidates(connection, pool.account_id)
        record_candidates(connection, pool=pool, before=before, after=[], now_ms=now_ms)
    for uuid in store.read_open_jobs(connection, pool.account_id):
        record_canceled(connection, uuid, now_ms)
    scheduled = scheduled_store.read_open_changes(connection, pool.account_id)
    for change in scheduled:
        scheduled_store.record_change(connection, canceled(change, now_ms))
    return len(scheduled)


def _holdings(connection: Connection, account: Account, campaigns: int, change: SubscriptionChange) -> Holdings:
    noticed = len(change.decision.devices(*NOTICE_KINDS))
    return Holdings(
        campaigns=campaigns,
        upgrades_in_progress=store.count_upgrades_in_progress(connection, account.id),
        licenses_ended=len(change.decision.devices(*RECLAIM_KINDS)),
        licenses_under_notice=account.notice + noticed,
        notice_until_ms=change.decision.notice_until_ms if noticed else None,
    )


def _numbers(holdings: Holdings, scheduled_changes: int) -> dict[str, int]:
    counts = {
        "campaignsEnded": holdings.campaigns,
        "scheduledChangesCanceled": scheduled_changes,
        "upgradesInProgress": holdings.upgrades_in_progress,
        "licensesEnded": holdings.licenses_ended,
        "licensesUnderNotice": holdings.licenses_under_notice,
    }
    return {name: count for name, count in counts.items() if count}
