"""Sets the state of a device's upgrade for an operator."""

from __future__ import annotations

from fotapool.domain.campaigns.campaigns import may_download
from fotapool.domain.campaigns.upgrades import OPEN, Reason, Upgrade, UpgradeChange, UpgradeStatus, check_transition
from fotapool.domain.errors import NotFound
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.notices import take_ended_notices
from fotapool.store.campaigns.campaigns import read_campaign_by_id
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import read_open_upgrade, record_operator_upgrade
from fotapool.store.db.connection import Connection
from fotapool.store.devices.devices import read_known_devices


async def set_upgrade(context: Context, caller: Caller, device: int, wanted: UpgradeStatus) -> UpgradeStatus:
    """Schedules, starts, completes, fails or cancels the device's upgrade. Raises NotFound or Conflict.

    The upgrade of a campaign begins when its device could begin it: an operator is no way around the campaign.
    A license whose notice has ended meanwhile is taken in the transaction that ends the upgrade.
    """
    account_id = caller.account_id

    def change(facts: PoolFacts, now_ms: int) -> UpgradeStatus:
        connection = facts.connection
        if not read_known_devices(connection, account_id, [device]):
            raise NotFound(f"device {device:015d} is not a device of account {caller.account_name}")
        current = read_open_upgrade(connection, account_id, device)
        may_start = current is None or _may_start(connection, current, now_ms)
        check_transition(UpgradeStatus(current.status) if current else None, wanted, may_start)
        if current is None:
            check_open(connection, account_id)
            record_operator_upgrade(connection, account_id=account_id, device=device, status=wanted, now_ms=now_ms)
        else:
            reason = Reason.SUCCEEDED if wanted is UpgradeStatus.COMPLETED else Reason.SET_BY_OPERATOR
            changes = UpgradeChangeSet(account_id)
            changes.changes.append(UpgradeChange(current, wanted, reason))
            changes.record(connection, now_ms)
        if wanted not in OPEN:
            take_ended_notices(facts, caller, now_ms)
        before = None if current is None else {"status": UpgradeStatus(current.status).word}
        context.audit.record(connection, now_ms, before, {"status": wanted.word})
        return wanted

    return await context.writer.submit(PoolCommand(caller, change, alone=True))


def _may_start(connection: Connection, upgrade: Upgrade, now_ms: int) -> bool:
    """Whether the upgrade's campaign lets its device begin; always for an upgrade outside of campaigns."""
    campaign = read_campaign_by_id(connection, upgrade.campaign_id) if upgrade.campaign_id else None
    return campaign is None or may_download(campaign, now_ms)
