"""Bulk jobs: assign or remove licenses by a list of any length. Check it, run it in steps, cancel it, read its result.

A list is stored as a job, a draft until it is started. Each step is one transaction: it decides on the next devices as
a request of the API would, and stores their outcomes. A server that dies has done a step completely or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.devices.columns import ID
from fotapool.domain.devices.device_lists import DeviceList, TooManyDevices, check_digit_is_valid, read_device_list
from fotapool.domain.devices.failed_lines import FailedLines
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.licenses.bulk_jobs import (
    MAX_BULK_DEVICES,
    MAX_SHOWN,
    BulkCheck,
    BulkVerb,
    LeftOut,
    left_out_of,
)
from fotapool.domain.licenses.licenses import LicenseFacts, Outcome, Pool, apply
from fotapool.domain.names import format_device_id
from fotapool.services.accounts.accounts import check_open
from fotapool.services.commands import DirectCommand, PoolCommand, PoolFacts, pool_of, submit_unless_deleted
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account, read_account_by_id
from fotapool.store.db.connection import Connection
from fotapool.store.licenses import bulk_jobs as store
from fotapool.store.licenses.bulk_jobs import BulkJob
from fotapool.store.licenses.licenses import Cause, read_license_facts

STEP_DEVICES = 1_000
"""Number of devices per transaction, so that requests run in between."""
LINES_PER_CHANGE = 20_000
"""Number of lines that one transaction adds to a job or deletes."""
DEVICES_PER_READ = 5_000
"""Number of devices whose facts the check reads at once."""
LINES_PER_PAGE = 10_000
MAX_OPEN = 20
"""Maximum number of an account's jobs that have not ended, drafts included."""
JOBS_SHOWN = 50
RETENTION_MS = 30 * DAY_MS
"""How long a job is stored after its end."""
RETENTION_DRAFT_MS = DAY_MS
"""How long a draft is stored."""
MAX_PURGE_STEPS = 1_000
REFUSED = frozenset(Outcome) - {Outcome.ASSIGNED, Outcome.PREEXISTING, Outcome.REMOVED, Outcome.NO_LICENSE}
"""The outcomes that leave a device as it should not be."""


class JobResult(msgspec.Struct, frozen=True):
    """A job, the number of devices by outcome, the first devices that failed, and the lines left out of the list."""

    job: BulkJob
    counts: dict[Outcome, int]
    not_done: list[tuple[int, Outcome]]
    left_out: list[LeftOut]


def read_list(content: bytes) -> DeviceList:
    """Reads a pasted or uploaded list. Raises Invalid if it is no text, or has too many devices or none."""
    try:
        found = read_device_list([content], MAX_BULK_DEVICES)
    except TooManyDevices as error:
        raise Invalid(f"a list may hold {MAX_BULK_DEVICES} devices: split it") from error
    if not found.devices:
        first = next(iter(found.failed.lines), None)
        reason = f" (line {first.line}: {first.reason})" if first else ""
        raise Invalid(f"the list holds no IMEI{reason}: write one IMEI of 15 digits a line")
    return found


async def create_draft_job(context: Context, caller: Caller, verb: BulkVerb, found: DeviceList) -> BulkJob:
    """Stores a list as a draft, which changes no license. Raises Conflict if the account has MAX_OPEN jobs."""
    created_ms = context.clock.now_ms()
    devices = list(map(int, found.devices))
    job = BulkJob(
        uuid=context.new_uuid(),
        account_id=caller.account_id,
        operator=caller.actor,
        verb=verb,
        devices=len(devices),
        done=0,
        created_ms=created_ms,
        stopped_ms=created_ms,
        ended_ms=None,
    )

    def create(connection: Connection, now_ms: int) -> None:
        check_open(connection, job.account_id)
        if store.count_open_jobs(connection, job.account_id) >= MAX_OPEN:
            raise Conflict(f"the account has {MAX_OPEN} bulk jobs that have not ended: start or cancel some")
        store.record_draft_job(connection, job, left_out_of(found))
        context.audit.about("bulk job", job.uuid, caller.account_name)
        context.audit.record(connection, now_ms, after={"verb": verb.value, "devices": job.devices})

    await context.writer.submit(DirectCommand(create, caller=caller))
    for first in range(0, len(devices), LINES_PER_CHANGE):
        some = devices[first : first + LINES_PER_CHANGE]
        await _write_lines(context, len(some), _add_lines, job, first, some)
    return job


def _add_lines(connection: Connection, job: BulkJob, first_place: int, devices: Sequence[int]) -> None:
    """Raises NotFound if the job was deleted meanwhile, as by a reset."""
    _job(connection, job.account_id, job.uuid)
    store.record_lines(connection, job.uuid, first_place, devices)


async def _write_lines(context: Context, lines: int, write: Callable[..., object], *arguments: Any) -> None:
    """Runs `write(connection, *arguments)`, which adds or deletes so many lines."""
    command = DirectCommand(lambda connection, _: write(connection, *arguments), devices=lines, inline=False)
    await context.writer.submit(command)


def _job(connection: Connection, account_id: int, uuid: str) -> BulkJob:
    job = store.read_job(connection, uuid)
    if job is None or job.account_id != account_id:
        raise NotFound("no such bulk job: jobs are deleted 30 days after their end")
    return job


async def get_job(context: Context, account: Account, uuid: str) -> BulkJob:
    """The account's job with this id. Raises NotFound."""
    return await context.reader.short(_job, account.id, uuid)


async def list_jobs(context: Context, account: Account) -> list[BulkJob]:
    """The account's last JOBS_SHOWN jobs, newest first."""
    return await context.reader.short(store.read_last_jobs, account.id, JOBS_SHOWN)


async def list_left_out(context: Context, job: BulkJob) -> list[LeftOut]:
    """The lines that were left out of the list."""
    return await context.reader.short(store.read_left_out, job.uuid)


async def check_job(context: Context, job: BulkJob) -> BulkCheck:
    """The outcomes that the job's remaining devices would have now; records nothing."""

    def decide(connection: Connection) -> BulkCheck:
        account = read_account_by_id(connection, job.account_id)
        if account is None:
            raise NotFound("the account does not exist")
        pool = pool_of(account)
        check = BulkCheck(job.verb, check_digit_is_valid)
        for first in range(job.done, job.devices, DEVICES_PER_READ):
            devices = store.read_line_devices(connection, job.uuid, first, DEVICES_PER_READ)
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
    """Starts a draft. Raises NotFound, and Conflict if it was started before or is not stored completely."""

    def start(connection: Connection, now_ms: int) -> BulkJob:
        job = _job(connection, account.id, uuid)
        if not job.is_draft:
            raise Conflict("the bulk job was started before; see its result")
        if not store.read_lines(connection, uuid, job.devices - 1, 1):
            raise Conflict("the list was not stored completely: send it again")
        store.record_started(connection, uuid)
        started = {"verb": job.verb.value, "devices": job.devices}
        context.audit.record(connection, now_ms, {"state": "draft"}, {"state": "running", **started})
        return _job(connection, account.id, uuid)

    return await context.writer.submit(DirectCommand(start, (account.id,)))


async def stop_job(context: Context, account: Account, uuid: str) -> BulkJob:
    """Cancels a job; devices that were done keep their outcome. Raises NotFound, and Conflict if it has ended."""

    def stop(connection: Connection, now_ms: int) -> BulkJob:
        job = _job(connection, account.id, uuid)
        if job.ended_ms is not None:
            raise Conflict("the bulk job has ended already")
        store.record_canceled(connection, uuid, now_ms)
        before = {"state": "draft" if job.is_draft else "running"}
        done = {"state": "canceled", "done": job.done, "devices": job.devices}
        context.audit.record(connection, now_ms, before, done)
        return _job(connection, account.id, uuid)

    return await context.writer.submit(DirectCommand(stop, (account.id,)))


async def step_job(context: Context, job: BulkJob) -> bool:
    """Runs the job's next step, of up to STEP_DEVICES devices. Returns False if none are left."""

    def step(facts: PoolFacts, now_ms: int) -> bool:
        connection = facts.connection
        current = store.read_job(connection, job.uuid)
        if current is None or not current.is_running:
            return False
        devices = store.read_line_devices(connection, job.uuid, current.done, STEP_DEVICES)
        licenses = _facts(connection, facts.pool, devices)
        decision = current.verb.decide(licenses, devices)
        if decision.entries:
            apply(licenses, decision)
            cause = Cause(current.operator, current.uuid, current.verb.value, {})
            facts.changes.note(
                facts.pool, cause, decision.entries, now_ms, canceled_upgrades=decision.canceled_upgrades
            )
        if devices:
            store.record_step(connection, job=current, devices=devices, outcomes=decision.outcomes, now_ms=now_ms)
        return bool(devices)

    caller = Caller(job.operator, job.uuid, job.account_id)
    return await submit_unless_deleted(context, PoolCommand(caller, step, devices=STEP_DEVICES), False)


async def step_running_job(context: Context) -> bool:
    """Runs a step of the oldest running job. Returns False if there is none."""
    job = await context.reader.short(store.read_running_job)
    return job is not None and await step_job(context, job)


async def read_result(context: Context, account: Account, uuid: str) -> JobResult:
    """The job's result so far. Raises NotFound."""

    def read(connection: Connection) -> JobResult:
        job = _job(connection, account.id, uuid)
        counts = store.read_counts(connection, uuid)
        has_failures = job.ended_ms is not None and set(counts) - {job.verb.done}
        not_done = store.read_not_done(connection, job, MAX_SHOWN) if has_failures else []
        return JobResult(job, counts, not_done, store.read_left_out(connection, uuid))

    return await context.reader.long(read)


async def read_result_lines(context: Context, job: BulkJob) -> AsyncIterator[list[tuple[int, Outcome | None]]]:
    """The job's devices with their outcomes, in pages; None for a device that is still to be done."""
    for first in range(0, job.devices, LINES_PER_PAGE):
        rows = await context.reader.long(store.read_lines, job.uuid, first, LINES_PER_PAGE)
        yield [(imei, Outcome[name.upper()] if name else None) for _, imei, name in rows]


async def read_failed_lines(context: Context, job: BulkJob) -> FailedLines:
    """What of the list failed, to fix and send again: the lines without an IMEI, and the devices that were refused."""
    failed = FailedLines()
    for one in await list_left_out(context, job):
        if one.original is not None:
            failed.add(one.line, one.value, one.reason, one.original)
    async for devices in read_result_lines(context, job):
        for device, outcome in devices:
            if outcome in REFUSED:
                failed.add(0, format_device_id(device), outcome.value, {ID: format_device_id(device)})
    return failed


async def purge_jobs(context: Context) -> None:
    """Deletes jobs that ended RETENTION_MS ago, and drafts of RETENTION_DRAFT_MS ago."""
    now_ms = context.clock.now_ms()
    for _ in range(MAX_PURGE_STEPS):
        uuid = await context.reader.short(store.read_purgeable_job, now_ms - RETENTION_MS, now_ms - RETENTION_DRAFT_MS)
        if uuid is None:
            return
        await _write_lines(context, LINES_PER_CHANGE, store.purge_job_lines, uuid, LINES_PER_CHANGE)
