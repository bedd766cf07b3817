"""Check-ins and logs that devices send: their contact, their firmware, and their answers to report requests."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fotapool.domain.devices.devices import MAX_TEXT
from fotapool.domain.errors import AccountGone, Conflict, Invalid, NotFound
from fotapool.services.campaigns.upgrade_progress import (
    BegunUpgrade,
    DeviceUpgrade,
    completed_by_check_in,
    offered_upgrade,
    read_begun_upgrades,
)
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.identity.device_keys import NO_SUCH_DEVICE, KeyUnknown
from fotapool.store.campaigns.campaigns import record_devices_changed
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.db.commands import Command, Pools
from fotapool.store.db.connection import Connection, Key
from fotapool.store.devices.check_ins import CheckingIn, read_checking_in, record_seen
from fotapool.store.devices.devices import answer_report_request
from fotapool.store.devices.logs import CheckIn, Log, is_logging, record_check_ins, record_logs
from fotapool.store.identity.device_keys import read_held_keys

ValidKeys = dict[bytes, tuple[int, int | None]]

DEFAULT_CLIENT = "HTTP"
MAX_CLIENT_TYPE = 40


class CheckInResult(msgspec.Struct, frozen=True):
    """When it was recorded (ms), the id of the report request that it answered, and the device's upgrade, if any."""

    at_ms: int
    report_request: str | None
    upgrade: DeviceUpgrade | None = None


class _CheckInFacts:
    """The keys and devices of a run of check-ins, and the changes of the check-ins so far."""

    def __init__(
        self, keys: ValidKeys, devices: dict[Key, CheckingIn], upgrades: dict[Key, BegunUpgrade], now_ms: int
    ) -> None:
        self.keys = keys
        self.devices = devices
        self.upgrades = upgrades
        self.now_ms = now_ms
        self.completed: dict[Key, BegunUpgrade] = {}
        self.check_ins: list[CheckIn] = []
        self.firmware: dict[Key, str] = {}
        self.answered: dict[Key, str] = {}

    def record(self, connection: Connection) -> None:
        seen = sorted({(check_in.account_id, check_in.imei) for check_in in self.check_ins})
        by_firmware: dict[str, list[Key]] = {}
        for key, version in sorted(self.firmware.items()):
            by_firmware.setdefault(version, []).append(key)
        record_seen(connection, seen, by_firmware, self.now_ms)
        record_check_ins(connection, self.check_ins)
        changed = {(account_id, version) for (account_id, _), version in self.firmware.items()}
        for account_id, version in sorted(changed):
            record_devices_changed(connection, account_id, self.now_ms, version)
        for account_id, imei in self.answered:
            answer_report_request(connection, account_id, imei, self.now_ms)
        change_sets: dict[int, UpgradeChangeSet] = {}
        for (account_id, _), begun in sorted(self.completed.items()):
            changes = change_sets.setdefault(account_id, UpgradeChangeSet(account_id)).changes
            changes.append(completed_by_check_in(begun.upgrade))
        for change_set in change_sets.values():
            change_set.record(connection, self.now_ms)


class _CheckIn(Command[CheckingIn | None]):
    """Returns the device as it was recorded before, or None if its key is not valid any more."""

    merges = True

    def __init__(self, caller: Caller, key_hash: bytes, imei: int, firmware: str | None, client_type: str) -> None:
        self._key_hash = key_hash
        self._key = (caller.account_id, imei)
        self._firmware = firmware
        self._client_type = client_type
        self.account_ids = (caller.account_id,)
        self.at_ms = 0
        """When it was recorded (ms), set by `decide`."""

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_CheckIn], now_ms: int) -> _CheckInFacts:
        keys = sorted({command._key for command in commands})
        valid = read_held_keys(connection, sorted({command._key_hash for command in commands}), now_ms)
        devices = read_checking_in(connection, keys)
        upgrading = [key for key, device in devices.items() if device.has_upgrade]
        upgrades = read_begun_upgrades(connection, upgrading, now_ms) if upgrading else {}
        return _CheckInFacts(valid, devices, upgrades, now_ms)

    def decide(self, facts: _CheckInFacts, now_ms: int) -> CheckingIn | None:
        account_id, imei = self._key
        of_account, of_imei = facts.keys.get(self._key_hash, (None, None))
        if of_account != account_id:
            return None
        found = facts.devices.get(self._key)
        if found is None or of_imei not in (None, imei):
            raise NotFound(NO_SUCH_DEVICE)
        after = found._replace(report_request=None)
        if self._firmware is not None and self._firmware != found.firmware:
            facts.firmware[self._key] = self._firmware
            after = after._replace(firmware=self._firmware)
        begun = facts.upgrades.get(self._key)
        if begun is not None and begun.to_version == after.firmware:
            facts.completed[self._key] = facts.upgrades.pop(self._key)
        if found.report_request is not None:
            facts.answered[self._key] = found.report_request
        facts.devices[self._key] = after
        self.at_ms = now_ms
        facts.check_ins.append(CheckIn(account_id, imei, now_ms, self._client_type))
        return found


def _check_text(name: str, text: str, longest: int) -> None:
    if not 0 < len(text) <= longest or not text.isprintable():
        raise Invalid(f"{name} must be 1 to {longest} printable characters")


async def check_in(
    context: Context, caller: Caller, key_hash: bytes, imei: int, firmware: str | None, client_type: str | None
) -> CheckInResult:
    """Records a contact of the device and the firmware that it reports; returns its open requests and its upgrade.

    A device that has the version of its upgrade has completed it, whether it reported the steps or not.
    The transaction checks the key, so that the caller may come from the KeyRing's cache. Raises Invalid, KeyUnknown if
    the key is not valid any more, and NotFound if the device is not the account's or not the key's.
    """
    if firmware is not None:
        _check_text("firmware", firmware, MAX_TEXT)
    if client_type is not None:
        _check_text("clientType", client_type, MAX_CLIENT_TYPE)
    command = _CheckIn(
        caller=caller, key_hash=key_hash, imei=imei, firmware=firmware, client_type=client_type or DEFAULT_CLIENT
    )
    try:
        found = await context.writer.submit(command)
    except AccountGone:
        found = None
    if found is None:
        raise KeyUnknown
    upgrade = await offered_upgrade(context, caller.account_id, imei) if found.has_upgrade else None
    return CheckInResult(command.at_ms, found.report_request, upgrade)


async def add_logs(context: Context, caller: Caller, imei: int, logs: Sequence[Log]) -> None:
    """Records logs of the device. Raises Conflict unless logging is on for it."""

    def add(connection: Connection, now_ms: int) -> None:
        if not is_logging(connection, caller.account_id, imei, now_ms):
            raise Conflict("logging is not on for this device; its account turns it on")
        # A future timestamp would survive the purge of old logs.
        record_logs(connection, [log._replace(at_ms=min(log.at_ms, now_ms)) for log in logs])

    await context.writer.submit(DirectCommand(add, caller=caller))
