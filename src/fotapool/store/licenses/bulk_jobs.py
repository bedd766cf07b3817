"""Lists to assign or remove by: jobs and their lines, in the order in which they are carried out.

A job that has been stopped but not ended is one that was only checked so far. Lines at negative places are about the
job: from -1 on those that were left out, with the number of the line as `imei` and the reason as `outcome`; from
COUNTS on how many devices, as `imei`, have an outcome, so that nobody has to count them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.licenses.bulk_jobs import BulkVerb, LeftOut
from fotapool.domain.licenses.licenses import Outcome
from fotapool.store.db.connection import Connection, Row

_JOB = "uuid, account_id, operator, verb, devices, done, created_ms, stopped_ms, ended_ms"
_LINE = "job, place, imei, outcome"
_LEFT_OUT = -1
COUNTS = -10_000
"""The place of the first count of outcomes."""
_COUNT_PLACES = {outcome: COUNTS - number for number, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class BulkJob:
    """A list that an operator gave for an account. `done` devices of it have their outcome. Times in ms."""

    uuid: str
    account_id: int
    operator: str
    verb: BulkVerb
    devices: int
    done: int
    created_ms: int
    stopped_ms: int | None
    ended_ms: int | None

    @classmethod
    def of_row(cls, row: Row) -> BulkJob:
        return cls(row[0], row[1], row[2], BulkVerb(row[3]), *row[4:])

    @property
    def is_held(self) -> bool:
        """Whether it was only checked so far."""
        return self.ended_ms is None and self.stopped_ms is not None

    @property
    def is_running(self) -> bool:
        return self.ended_ms is None and self.stopped_ms is None

    @property
    def is_canceled(self) -> bool:
        return self.ended_ms is not None and self.stopped_ms is not None


def word_of(outcome: Outcome) -> str:
    """How a line's outcome is stored, and called in result files."""
    return outcome.name.lower()


def record_held_job(connection: Connection, job: BulkJob, left_out: Sequence[LeftOut]) -> None:
    """Records a job without its lines, those aside that were left out."""
    row = (
        job.uuid,
        job.account_id,
        job.operator,
        job.verb.value,
        job.devices,
        job.done,
        job.created_ms,
        job.created_ms,
        None,
    )
    connection.insert("bulk_job", _JOB, [row])
    lines = [(job.uuid, _LEFT_OUT - place, one.line, one.reason) for place, one in enumerate(left_out)]
    connection.insert("bulk_line", _LINE, lines)


def record_lines(connection: Connection, uuid: str, first_place: int, devices: Sequence[int]) -> None:
    """Adds devices, which have no outcome yet."""
    rows = [(uuid, place, device) for place, device in enumerate(devices, start=first_place)]
    connection.insert("bulk_line", "job, place, imei", rows)


def record_started(connection: Connection, uuid: str) -> None:
    connection.execute("UPDATE bulk_job SET stopped_ms = NULL WHERE uuid = :uuid", {"uuid": uuid})


def record_stopped(connection: Connection, uuid: str, now_ms: int) -> None:
    connection.execute(
        "UPDATE bulk_job SET stopped_ms = :now, ended_ms = :now WHERE uuid = :uuid", {"uuid": uuid, "now": now_ms}
    )


def record_step(
    connection: Connection, job: BulkJob, devices: Sequence[int], outcomes: Sequence[Outcome], now_ms: int
) -> None:
    """Gives the next lines of the job their outcome; the job has ended with the last of them."""
    rows = [
        (job.uuid, place, device, word_of(outcome))
        for place, (device, outcome) in enumerate(zip(devices, outcomes, strict=True), start=job.done)
    ]
    connection.insert("bulk_line", _LINE, rows, "ON CONFLICT (job, place) DO UPDATE SET outcome = excluded.outcome")
    counts = [
        (job.uuid, _COUNT_PLACES[outcome], count, word_of(outcome)) for outcome, count in Counter(outcomes).items()
    ]
    added = "ON CONFLICT (job, place) DO UPDATE SET imei = bulk_line.imei + excluded.imei"
    connection.insert("bulk_line", _LINE, counts, added)
    done = job.done + len(rows)
    connection.execute(
        "UPDATE bulk_job SET done = :done, ended_ms = :ended WHERE uuid = :uuid",
        {"uuid": job.uuid, "done": done, "ended": now_ms if done == job.devices else None},
    )


def read_job(connection: Connection, uuid: str) -> BulkJob | None:
    rows = connection.fetch(f"SELECT {_JOB} FROM bulk_job WHERE uuid = :uuid", {"uuid": uuid})
    return BulkJob.of_row(rows[0]) if rows else None


def read_running_job(connection: Connection) -> BulkJob | None:
    """The oldest job that is to be carried out."""
    rows = connection.fetch(
        f"SELECT {_JOB} FROM bulk_job WHERE ended_ms IS NULL AND stopped_ms IS NULL ORDER BY created_ms LIMIT 1"
    )
    return BulkJob.of_row(rows[0]) if rows else None


def count_open_jobs(connection: Connection, account_id: int) -> int:
    """How many jobs of the account have not ended, those too that were only checked."""
    count: int = connection.fetch(
        "SELECT count(*) FROM bulk_job WHERE account_id = :account_id AND ended_ms IS NULL", {"account_id": account_id}
    )[0][0]
    return count


def read_last_jobs(connection: Connection, account_id: int, limit: int) -> list[BulkJob]:
    """The account's jobs, newest first."""
    rows = connection.fetch(
        f"SELECT {_JOB} FROM bulk_job WHERE account_id = :account_id ORDER BY created_ms DESC, uuid LIMIT :limit",
        {"account_id": account_id, "limit": limit},
    )
    return [BulkJob.of_row(row) for row in rows]


def read_line_devices(connection: Connection, uuid: str, first_place: int, limit: int) -> list[int]:
    """Devices of the job, from a place on."""
    return [line[1] for line in read_lines(connection, uuid, first_place, limit)]


def read_lines(connection: Connection, uuid: str, first_place: int, limit: int) -> list[Row]:
    """Lines of the job, from a place on: (place, IMEI, outcome)."""
    return connection.fetch(
        "SELECT place, imei, outcome FROM bulk_line WHERE job = :job AND place >= :place ORDER BY place LIMIT :limit",
        {"job": uuid, "place": first_place, "limit": limit},
    )


def read_left_out(connection: Connection, uuid: str) -> list[LeftOut]:
    """The lines of the list that were left out, in their order."""
    rows = connection.fetch(
        "SELECT imei, outcome FROM bulk_line WHERE job = :job AND place < 0 AND place > :counts ORDER BY place DESC",
        {"job": uuid, "counts": COUNTS},
    )
    return [LeftOut(*row) for row in rows]


def read_counts(connection: Connection, uuid: str) -> dict[Outcome, int]:
    """How many devices of the job have each outcome."""
    rows = connection.fetch(
        "SELECT outcome, imei FROM bulk_line WHERE job = :job AND place <= :counts ORDER BY place DESC",
        {"job": uuid, "counts": COUNTS},
    )
    return {Outcome[word.upper()]: count for word, count in rows}


def read_not_done(connection: Connection, job: BulkJob, limit: int) -> list[tuple[int, Outcome]]:
    """The first devices of the job to which it could not be done, with the reason."""
    rows = connection.fetch(
        "SELECT imei, outcome FROM bulk_line WHERE job = :job AND place >= 0 AND place < :done"
        " AND outcome <> :done_word ORDER BY place LIMIT :limit",
        {"job": job.uuid, "done": job.done, "done_word": word_of(job.verb.done), "limit": limit},
    )
    return [(imei, Outcome[word.upper()]) for imei, word in rows]


def read_purgeable_job(connection: Connection, ended_before_ms: int, held_before_ms: int) -> str | None:
    """A job that ended before one moment, or was checked before another and never carried out."""
    rows = connection.fetch(
        "SELECT uuid FROM bulk_job WHERE ended_ms IS NOT NULL AND ended_ms < :ended ORDER BY ended_ms LIMIT 1",
        {"ended": ended_before_ms},
    ) or connection.fetch(
        "SELECT uuid FROM bulk_job WHERE ended_ms IS NULL AND stopped_ms IS NOT NULL AND created_ms < :held"
        " ORDER BY created_ms LIMIT 1",
        {"held": held_before_ms},
    )
    return rows[0][0] if rows else None


def purge_job_lines(connection: Connection, uuid: str, limit: int) -> bool:
    """Deletes lines of the job, and the job with the last of them; whether there are more."""
    rows = connection.fetch(
        "DELETE FROM bulk_line WHERE job = :job AND place IN"
        " (SELECT place FROM bulk_line WHERE job = :job ORDER BY place LIMIT :limit) RETURNING place",
        {"job": uuid, "limit": limit},
    )
    if len(rows) == limit:
        return True
    connection.execute("DELETE FROM bulk_job WHERE uuid = :uuid", {"uuid": uuid})
    return False
