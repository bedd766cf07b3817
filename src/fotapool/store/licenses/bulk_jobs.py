"""Bulk jobs: lists of devices to assign or remove, their lines in order, and the outcomes.

A job with `stopped_ms` and without `ended_ms` is a draft: it was checked and not started.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import msgspec

from fotapool.domain.licenses.bulk_jobs import BulkVerb, LeftOut
from fotapool.domain.licenses.licenses import Outcome
from fotapool.store.db.connection import Connection, Row
from fotapool.store.db.rows import columns, converting, fetch_all, fetch_one, fetch_value


class BulkJob(msgspec.Struct, frozen=True):
    """An operator's list for an account; `done` of its devices have an outcome. Times in ms."""

    uuid: str
    account_id: int
    operator: str
    verb: BulkVerb
    devices: int
    done: int
    created_ms: int
    stopped_ms: int | None
    ended_ms: int | None

    @property
    def is_draft(self) -> bool:
        """Whether it was checked and not started."""
        return self.ended_ms is None and self.stopped_ms is not None

    @property
    def is_running(self) -> bool:
        return self.ended_ms is None and self.stopped_ms is None

    @property
    def is_canceled(self) -> bool:
        return self.ended_ms is not None and self.stopped_ms is not None


_COLUMNS = columns(BulkJob)
_SELECT = f"SELECT {_COLUMNS} FROM bulk_job"
_job = converting(BulkJob, verb=BulkVerb)


def word_of(outcome: Outcome) -> str:
    """The outcome as it is stored, and named in result files."""
    return outcome.name.lower()


def _outcome(text: str) -> Outcome:
    return Outcome[text.upper()]


def record_draft_job(connection: Connection, job: BulkJob, left_out: Sequence[LeftOut]) -> None:
    """Records a draft with the skipped lines of its list; its devices are added by `record_lines`."""
    row = (job.uuid, job.account_id, job.operator, job.verb.value, job.devices, 0, job.created_ms, job.created_ms, None)
    connection.insert("bulk_job", _COLUMNS, [row])
    rows = [
        (job.uuid, number, one.line, one.reason, one.value, None if one.original is None else json.dumps(one.original))
        for number, one in enumerate(left_out)
    ]
    connection.insert("bulk_left_out", "job, number, line, reason, value, original", rows)


def record_lines(connection: Connection, uuid: str, first_place: int, devices: Sequence[int]) -> None:
    """Adds devices without an outcome."""
    rows = [(uuid, place, device) for place, device in enumerate(devices, start=first_place)]
    connection.insert("bulk_line", "job, place, imei", rows)


def record_started(connection: Connection, uuid: str) -> None:
    connection.execute("UPDATE bulk_job SET stopped_ms = NULL WHERE uuid = :uuid", {"uuid": uuid})


def record_canceled(connection: Connection, uuid: str, now_ms: int) -> None:
    connection.update_rows("bulk_job", "uuid", "stopped_ms, ended_ms", [(uuid, now_ms, now_ms)])


def record_step(
    connection: Connection, job: BulkJob, devices: Sequence[int], outcomes: Sequence[Outcome], now_ms: int
) -> None:
    """Records the outcomes of the next lines; the last of them ends the job."""
    rows = [
        (job.uuid, place, device, word_of(outcome))
        for place, (device, outcome) in enumerate(zip(devices, outcomes, strict=True), start=job.done)
    ]
    set_outcome = "ON CONFLICT (job, place) DO UPDATE SET outcome = excluded.outcome"
    connection.insert("bulk_line", "job, place, imei, outcome", rows, set_outcome)
    counts = [(job.uuid, word_of(outcome), count) for outcome, count in Counter(outcomes).items()]
    add = "ON CONFLICT (job, outcome) DO UPDATE SET devices = bulk_outcome.devices + excluded.devices"
    connection.insert("bulk_outcome", "job, outcome, devices", counts, add)
    done = job.done + len(rows)
    connection.update_rows(
        "bulk_job", "uuid", "done, ended_ms", [(job.uuid, done, now_ms if done == job.devices else None)]
    )


def read_job(connection: Connection, uuid: str) -> BulkJob | None:
    return fetch_one(connection, _job, f"{_SELECT} WHERE uuid = :uuid", uuid=uuid)


def read_running_job(connection: Connection) -> BulkJob | None:
    """The oldest running job."""
    return fetch_one(
        connection, _job, f"{_SELECT} WHERE ended_ms IS NULL AND stopped_ms IS NULL ORDER BY created_ms LIMIT 1"
    )


def count_open_jobs(connection: Connection, account_id: int) -> int:
    """The number of the account's drafts and running jobs."""
    sql = "SELECT count(*) FROM bulk_job WHERE account_id = :account_id AND ended_ms IS NULL"
    return int(fetch_value(connection, sql, account_id=account_id))


def read_last_jobs(connection: Connection, account_id: int, limit: int) -> list[BulkJob]:
    """The account's jobs, newest first."""
    sql = f"{_SELECT} WHERE account_id = :account_id ORDER BY created_ms DESC, uuid LIMIT :limit"
    return fetch_all(connection, _job, sql, account_id=account_id, limit=limit)


def read_line_devices(connection: Connection, uuid: str, first_place: int, limit: int) -> list[int]:
    """Devices of the job, from a place on."""
    return [line[1] for line in read_lines(connection, uuid, first_place, limit)]


def read_lines(connection: Connection, uuid: str, first_place: int, limit: int) -> list[Row]:
    """Lines of the job from a place on, as (place, IMEI, outcome)."""
    return connection.fetch(
        "SELECT place, imei, outcome FROM bulk_line WHERE job = :job AND place >= :place ORDER BY place LIMIT :limit",
        {"job": uuid, "place": first_place, "limit": limit},
    )


def read_left_out(connection: Connection, uuid: str) -> list[LeftOut]:
    """The skipped lines of the list, in order."""
    sql = "SELECT line, reason, value, original FROM bulk_left_out WHERE job = :job ORDER BY number"
    return [
        LeftOut(line, reason, value, None if original is None else json.loads(original))
        for line, reason, value, original in connection.fetch(sql, {"job": uuid})
    ]


def read_counts(connection: Connection, uuid: str) -> dict[Outcome, int]:
    """The number of the job's devices by outcome, in the order of the enum."""
    rows = connection.fetch("SELECT outcome, devices FROM bulk_outcome WHERE job = :job", {"job": uuid})
    found = {_outcome(text): devices for text, devices in rows}
    return {outcome: found[outcome] for outcome in Outcome if outcome in found}


def read_not_done(connection: Connection, job: BulkJob, limit: int) -> list[tuple[int, Outcome]]:
    """The first devices of the job that were not changed, with their outcome."""
    rows = connection.fetch(
        "SELECT imei, outcome FROM bulk_line WHERE job = :job AND place < :done AND outcome <> :success"
        " ORDER BY place LIMIT :limit",
        {"job": job.uuid, "done": job.done, "success": word_of(job.verb.done), "limit": limit},
    )
    return [(imei, _outcome(text)) for imei, text in rows]


def read_purgeable_job(connection: Connection, ended_before_ms: int, drafted_before_ms: int) -> str | None:
    """A job that ended before the first timestamp, or a draft created before the second one."""
    sql = "SELECT uuid FROM bulk_job WHERE ended_ms IS NOT NULL AND ended_ms < :before ORDER BY ended_ms LIMIT 1"
    drafts = """SELECT uuid FROM bulk_job WHERE ended_ms IS NULL AND stopped_ms IS NOT NULL AND created_ms < :before
        ORDER BY created_ms LIMIT 1"""
    uuid: str | None = fetch_value(connection, sql, before=ended_before_ms)
    return uuid or fetch_value(connection, drafts, before=drafted_before_ms)


def purge_job_lines(connection: Connection, uuid: str, limit: int) -> bool:
    """Deletes up to `limit` lines of the job, and after the last one the job. Returns whether lines remain."""
    rows = connection.fetch(
        "DELETE FROM bulk_line WHERE job = :job AND place IN"
        " (SELECT place FROM bulk_line WHERE job = :job ORDER BY place LIMIT :limit) RETURNING place",
        {"job": uuid, "limit": limit},
    )
    if len(rows) == limit:
        return True
    for table, key in (("bulk_left_out", "job"), ("bulk_outcome", "job"), ("bulk_job", "uuid")):
        connection.execute(f"DELETE FROM {table} WHERE {key} = :uuid", {"uuid": uuid})
    return False
