"""Setting the state of a device's upgrade on the operator's word."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.campaigns.upgrades import OPEN, Reason, UpgradeChange, UpgradeStatus, check_transition
from fotapool.domain.errors import NotFound
from fotapool.services.context import Caller, Context
from fotapool.services.licenses.notices import NOTICES_A_STEP, NoticeFacts
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import read_open_upgrade, record_operator_upgrade
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses.licenses import read_ended_notices, read_license_facts


class _UpgradeFacts(NoticeFacts):
    """The device's open upgrade; and, once it has ended, the notices that waited for it."""

    def __init__(self, connection: Connection, pools: Pools, account_id: int, device: int) -> None:
        super().__init__(pools[account_id], [])
        self.connection = connection
        self.known = device in read_license_facts(connection, pools, [(account_id, device)])[account_id].devices
        self.current = read_open_upgrade(connection, account_id, device)


class _SetUpgrade(Command[UpgradeStatus]):
    alone = True

    def __init__(self, caller: Caller, device: int, wanted: UpgradeStatus) -> None:
        self._caller = caller
        self._device = device
        self._wanted = wanted
        self.account_ids = (caller.account_id,)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_SetUpgrade], now_ms: int) -> _UpgradeFacts:
        command = commands[0]
        return _UpgradeFacts(connection, pools, command._caller.account_id, command._device)

    def decide(self, facts: _UpgradeFacts, now_ms: int) -> UpgradeStatus:
        if not facts.known:
            raise NotFound(f"device {self._device:015d} is not a device of account {self._caller.account_name}")
        current = facts.current
        check_transition(UpgradeStatus(current.status) if current else None, self._wanted)
        account_id = self._caller.account_id
        if current is None:
            record_operator_upgrade(
                facts.connection, account_id=account_id, device=self._device, status=self._wanted, now_ms=now_ms
            )
        else:
            done = self._wanted is UpgradeStatus.COMPLETED
            progress = UpgradeChangeSet(account_id)
            reason = Reason.SUCCEEDED if done else Reason.SET_BY_OPERATOR
            progress.changes.append(UpgradeChange(current, self._wanted, reason))
            progress.record(facts.connection, now_ms)
        if self._wanted not in OPEN:
            facts.due = read_ended_notices(facts.connection, account_id, now_ms, NOTICES_A_STEP)
            facts.take(self._caller, now_ms)
        return self._wanted


async def set_upgrade(context: Context, caller: Caller, device: int, wanted: UpgradeStatus) -> UpgradeStatus:
    """Schedules, starts, completes, fails or cancels the device's upgrade. Raises NotFound or Conflict.

    A license whose notice has ended meanwhile goes in the same transaction as the end of its upgrade.
    """
    return await context.writer.submit(_SetUpgrade(caller, device, wanted))
