"""Assigning and removing by a list of any length: check it, carry it out in steps, stop it, read what became of it.

A list is kept as a job. Each step is one transaction that decides on the next devices as a request of the API would,
and gives them their outcome: a server that dies in between has done all of the step or nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.licenses.bulk_jobs import (
    MAX_BULK_DEVICES,
    MAX_SHOWN,
    BulkCheck,
    BulkVerb,
    DeviceLines,
    LeftOut,
    TooManyDevices,
    read_device_lines,
)
from fotapool.domain.licenses.licenses import LicenseFacts, Outcome, Pool, apply
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.snapshots.seed_documents import check_digit_is_valid
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.licenses import bulk_jobs as store
from fotapool.store.licenses.bulk_jobs import BulkJob
from fotapool.store.licenses.changes import Cause, LedgerChangeSet
from fotapool.store.licenses.licenses import read_license_facts

STEP_DEVICES = 1_000
"""How many devices one transaction is about, so that requests of others come in between."""
LINES_A_CHANGE = 20_000
"""How many lines one transaction adds to a job, or deletes."""
DEVICES_A_LOOK = 5_000
"""For how many devices the check reads the facts at once."""
LINES_A_PAGE = 10_000
MAX_OPEN = 20
"""How many lists of an account may wait, checked or under way."""
JOBS_SHOWN = 50
RETENTION_MS = 30 * 24 * 3_600_000
"""How long a job is kept after its end."""
HELD_MS = 24 * 3_600_000
"""How long a list is kept that was checked and not carried out."""
MAX_PURGE_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job, how many devices have each outcome, the first to which it could not be done, and the lines left out."""

    job: BulkJob
    counts: dict[Outcome, int]
    not_done: list[tuple[int, Outcome]]
    left_out: list[LeftOut]


def read_lines(text: str) -> DeviceLines:
    """The devices of a list that was pasted or uploaded. Raises Invalid for one that is too long or holds none."""
    try:
        found = read_device_lines(text)
    except TooManyDevices as error:
        raise Invalid(f"a list may hold {MAX_BULK_DEVICES} devices: split it") from error
    if not found.devices:
        reason = f" (line {found.left_out[0].line}: {found.left_out[0].reason})" if found.left_out else ""
        raise Invalid(f"the list holds no IMEI{reason}: write one IMEI of 15 digits a line")
    return found


async def create_draft_job(context: Context, caller: Caller, verb: BulkVerb, lines: DeviceLines) -> BulkJob:
    """Keeps a list, to be checked and perhaps carried out; changes no license. Raises Conflict for one too many."""
    job = BulkJob(
        uuid=context.new_uuid(),
        account_id=caller.account_id,
        operator=caller.actor,
        verb=verb,
        devices=len(lines.devices),
        done=0,
        created_ms=context.clock.now_ms(),
        stopped_ms=context.clock.now_ms(),
        ended_ms=None,
    )

    def hold(connection: Connection, now_ms: int) -> None:
        if store.count_open_jobs(connection, job.account_id) >= MAX_OPEN:
            raise Conflict(f"the account has {MAX_OPEN} lists that wait: carry some out, or put them away")
        store.record_held_job(connection, job, lines.left_out)

    await context.writer.submit(DirectCommand(hold, (job.account_id,)))
    for first in range(0, len(lines.devices), LINES_A_CHANGE):
        await context.writer.submit(_AddLines(job.uuid, first, lines.devices[first : first + LINES_A_CHANGE]))
    return job


class _AddLines(DirectCommand[None]):
    inline = False

    def __init__(self, uuid: str, first: int, devices: Sequence[int]) -> None:
        super().__init__(lambda connection, _: store.record_lines(connection, uuid, first, devices))
        self.devices = len(devices)


def _job(connection: Connection, account_id: int, uuid: str) -> BulkJob:
    job = store.read_job(connection, uuid)
    if job is None or job.account_id != account_id:
        raise NotFound("the account has no such list any more: they are kept for 30 days")
    return job


async def get_job(context: Context, account: Account, uuid: str) -> BulkJob:
    """Raises NotFound."""
    return await context.reader.short(_job, account.id, uuid)


async def list_jobs(context: Context, account: Account) -> list[BulkJob]:
    """The account's last jobs, newest first."""
    return await context.reader.short(store.read_last_jobs, account.id, JOBS_SHOWN)


async def list_left_out(context: Context, job: BulkJob) -> list[LeftOut]:
    """The lines of the list that were left out."""
    return await context.reader.short(store.read_left_out, job.uuid)


async def check_job(context: Context, job: BulkJob) -> BulkCheck:
    """What would become of the job's devices now: the decision that carrying it out makes, without recording it."""

    def decide(connection: Connection) -> BulkCheck:
        account = read_account_by_id(connection, job.account_id)
        if account is None:
            raise NotFound("the account does not exist")
        pool = Pool(
            account_id=account.id,
            total=account.total,
            used=account.used,
            notice=account.notice,
            entries=0,
            changes=0,
            candidates=account.candidates,
            candidates_updated_ms=0,
            subscription_updated_ms=0,
        )
        check = BulkCheck(job.verb, check_digit_is_valid)
        for first in range(job.done, job.devices, DEVICES_A_LOOK):
            devices = store.read_line_devices(connection, job.uuid, first, DEVICES_A_LOOK)
            facts = _facts(connection, pool, devices)
            decision = job.verb.decide(facts, devices)
            check.add(devices, decision.outcomes)
            apply(facts, decision)
        return check

    return await context.reader.long(decide)


def _facts(connection: Connection, pool: Pool, devices: Sequence[int]) -> LicenseFacts:
    keys = [(pool.account_id, device) for device in devices]
    return read_license_facts(connection, {pool.account_id: pool}, keys)[pool.account_id]


async def start_job(context: Context, account: Account, uuid: str) -> BulkJob:
    """Carries the job out from now on. Raises NotFound, and Conflict if it was started before."""

    def start(connection: Connection, now_ms: int) -> BulkJob:
        job = _job(connection, account.id, uuid)
        if not job.is_held:
            raise Conflict("the list was started before; its page says what became of it")
        if not store.read_lines(connection, uuid, job.devices - 1, 1):
            raise Conflict("the list was not kept to its end: check it again")
        store.record_started(connection, uuid)
        return _job(connection, account.id, uuid)

    return await context.writer.submit(DirectCommand(start, (account.id,)))


async def stop_job(context: Context, account: Account, uuid: str) -> BulkJob:
    """Ends the job where it is; what was done stays done. Raises NotFound, and Conflict if it has ended."""

    def stop(connection: Connection, now_ms: int) -> BulkJob:
        job = _job(connection, account.id, uuid)
        if job.ended_ms is not None:
            raise Conflict("the list has come to its end already")
        store.record_stopped(connection, uuid, now_ms)
        return _job(connection, account.id, uuid)

    return await context.writer.submit(DirectCommand(stop, (account.id,)))


class _StepFacts:
    """The job as it is now, its next devices with their facts, and what the step changes."""

    def __init__(self, connection: Connection, pool: Pool | None, uuid: str, now_ms: int) -> None:
        self.now_ms = now_ms
        self.job = store.read_job(connection, uuid)
        self.pool = pool
        self.changes = LedgerChangeSet()
        self.outcomes: list[Outcome] = []
        self.devices: list[int] = []
        if self.job is not None and self.job.is_running and pool is not None:
            self.devices = store.read_line_devices(connection, uuid, self.job.done, STEP_DEVICES)
            self.facts = _facts(connection, pool, self.devices)

    def record(self, connection: Connection) -> None:
        self.changes.record(connection)
        if self.job is not None and self.outcomes:
            store.record_step(
                connection, job=self.job, devices=self.devices, outcomes=self.outcomes, now_ms=self.now_ms
            )


class _Step(Command[bool]):
    def __init__(self, job: BulkJob) -> None:
        self._uuid = job.uuid
        self.account_ids = (job.account_id,)
        self.devices = STEP_DEVICES

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_Step], now_ms: int) -> _StepFacts:
        command = commands[0]
        return _StepFacts(connection, pools.get(command.account_ids[0]), command._uuid, now_ms)

    def decide(self, facts: _StepFacts, now_ms: int) -> bool:
        job, pool = facts.job, facts.pool
        if job is None or pool is None or not facts.devices:
            return False
        decision = job.verb.decide(facts.facts, facts.devices)
        facts.outcomes = decision.outcomes
        if decision.entries:
            apply(facts.facts, decision)
            cause = Cause(job.operator, job.uuid, job.verb.value, {})
            facts.changes.note(pool, cause, decision.entries, now_ms, canceled_upgrades=decision.canceled_upgrades)
        return True


async def step_job(context: Context, job: BulkJob) -> bool:
    """Does the next STEP_DEVICES devices of the job; whether there were any."""
    return await context.writer.submit(_Step(job))


async def step_running_job(context: Context) -> bool:
    """Does a step of the oldest job that runs; whether there was any."""
    job = await context.reader.short(store.read_running_job)
    return job is not None and await step_job(context, job)


async def read_result(context: Context, account: Account, uuid: str) -> JobResult:
    """What became of the job's devices so far. Raises NotFound."""

    def read(connection: Connection) -> JobResult:
        job = _job(connection, account.id, uuid)
        counts = store.read_counts(connection, uuid)
        look = job.ended_ms is not None and set(counts) - {job.verb.done}
        not_done = store.read_not_done(connection, job, MAX_SHOWN) if look else []
        return JobResult(job, counts, not_done, store.read_left_out(connection, uuid))

    return await context.reader.long(read)


async def read_result_lines(context: Context, job: BulkJob) -> AsyncIterator[list[tuple[int, Outcome | None]]]:
    """The job's devices with their outcomes, in pages; None for one whose turn has not come."""
    for first in range(0, job.devices, LINES_A_PAGE):
        rows = await context.reader.long(store.read_lines, job.uuid, first, LINES_A_PAGE)
        yield [(imei, Outcome[word.upper()] if word else None) for _, imei, word in rows]


async def purge_jobs(context: Context) -> None:
    """Deletes jobs that ended RETENTION_MS ago, and lists that were checked HELD_MS ago and never carried out."""
    now_ms = context.clock.now_ms()
    for _ in range(MAX_PURGE_STEPS):
        uuid = await context.reader.short(store.read_purgeable_job, now_ms - RETENTION_MS, now_ms - HELD_MS)
        if uuid is None:
            return
        await context.writer.submit(_ForgetLines(uuid))


class _ForgetLines(DirectCommand[bool]):
    inline = False

    def __init__(self, uuid: str) -> None:
        super().__init__(lambda connection, _: store.purge_job_lines(connection, uuid, LINES_A_CHANGE))
        self.devices = LINES_A_CHANGE
