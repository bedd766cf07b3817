"""Erases the personal data of devices; licenses, ledger, upgrades and charges stay as they are.

Personal facts are the MDN, and free text that a device or a person has sent: log entries with their files, messages
about failed upgrades, and lines of bulk lists that could not be read, which belong to no device that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fotapool.domain.devices.departures import Rejection, RejectionCode
from fotapool.domain.devices.erasures import Erased
from fotapool.domain.errors import NotFound
from fotapool.domain.names import format_device_id
from fotapool.services.commands import PoolCommand, PoolFacts
from fotapool.services.context import Caller, Context
from fotapool.store.devices import erasures as store

ERASURE_BATCH = 1_000
"""Maximum number of devices that one transaction erases, so that requests run in between."""
_NOT_FOUND = Rejection(RejectionCode.DEVICE_NOT_FOUND, "the account does not have and never had the device")


class Erasures(msgspec.Struct):
    """The erasure of an account's devices: how many are done, and what was erased so far."""

    context: Context
    caller: Caller
    done: int = 0
    erased: Erased = msgspec.field(default_factory=Erased)

    async def erase(self, devices: Sequence[int]) -> Mapping[int, Rejection]:
        """Erases up to ERASURE_BATCH distinct devices, also such as have left; returns which were refused, and why."""

        def change(facts: PoolFacts, now_ms: int) -> tuple[list[int], Erased]:
            connection, account_id = facts.connection, facts.pool.account_id
            present = store.read_present(connection, [(account_id, device) for device in devices])
            found = [device for device in devices if device in present]
            erased = Erased()
            if found:
                erased = store.record_erased(connection, account_id, found)
                facts.changes.note(facts.pool, self.caller.cause("erase personal data", devices=len(found)), [], now_ms)
                so_far = self.erased.plus(erased)
                self.context.audit.record(
                    connection,
                    now_ms,
                    after={
                        "erased": self.done + len(found),
                        "mdns": so_far.mdns,
                        "logs": so_far.logs,
                        "failureMessages": so_far.failure_messages,
                        "listLines": so_far.list_lines,
                    },
                )
            return found, erased

        found, erased = await self.context.writer.submit(PoolCommand(self.caller, change, devices=len(devices)))
        if found:
            self.context.audit.committed()
        self.done += len(found)
        self.erased = self.erased.plus(erased)
        return dict.fromkeys((device for device in devices if device not in set(found)), _NOT_FOUND)


async def erase_one(erasures: Erasures, device: int) -> None:
    """Erases one device. Raises NotFound."""
    if await erasures.erase([device]):
        raise NotFound(f"account {erasures.caller.account_name} never had device {format_device_id(device)}")
