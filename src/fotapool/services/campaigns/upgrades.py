"""Sets the state of a device's upgrade for an operator."""

from __future__ import annotations

from fotapool.domain.campaigns.upgrades import OPEN, Reason, UpgradeChange, UpgradeStatus, check_transition
from fotapool.domain.errors import NotFound
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.notices import take_ended_notices
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import read_open_upgrade, record_operator_upgrade
from fotapool.store.devices.devices import read_known_devices


async def set_upgrade(context: Context, caller: Caller, device: int, wanted: UpgradeStatus) -> UpgradeStatus:
    """Schedules, starts, completes, fails or cancels the device's upgrade. Raises NotFound or Conflict.

    A license whose notice has ended meanwhile is taken in the transaction that ends the upgrade.
    """
    account_id = caller.account_id

    def change(facts: PoolFacts, now_ms: int) -> UpgradeStatus:
        connection = facts.connection
        if not read_known_devices(connection, account_id, [device]):
            raise NotFound(f"device {device:015d} is not a device of account {caller.account_name}")
        current = read_open_upgrade(connection, account_id, device)
        check_transition(UpgradeStatus(current.status) if current else None, wanted)
        if current is None:
            record_operator_upgrade(connection, account_id=account_id, device=device, status=wanted, now_ms=now_ms)
        else:
            reason = Reason.SUCCEEDED if wanted is UpgradeStatus.COMPLETED else Reason.SET_BY_OPERATOR
            changes = UpgradeChangeSet(account_id)
            changes.changes.append(UpgradeChange(current, wanted, reason))
            changes.record(connection, now_ms)
        if wanted not in OPEN:
            take_ended_notices(facts, caller, now_ms)
        return wanted

    return await context.writer.submit(PoolCommand(caller, change, alone=True))
