"""The interface of database connections, their errors, and what became of a commit whose answer was lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Params = Mapping[str, Any]
Row = tuple[Any, ...]
NO_PARAMS: Params = {}
NO_AUTH_EPOCH = -1
"""The auth epoch of commands whose sign-in need not be checked."""
Key = tuple[int, int]
"""An account id and a device."""

TIMEOUT_S = 10
"""Default of the deadline for statements and for locks of other processes, in seconds."""
SETTLE_EVERY_S = 0.2


class StoreUnavailable(Exception):
    """The database is locked, full, read-only or unreachable; except for OutcomeUnknown, nothing was changed.

    A retry may succeed.
    """

    kind = "unavailable"
    """The kind of the error in metrics."""


class OutcomeUnknown(StoreUnavailable):
    """The database went away during a commit and did not come back in time: the change was committed or rolled back."""

    kind = "outcome_unknown"


class ConnectionLost(StoreUnavailable):
    """The connection is broken; a new one may work at once."""

    kind = "connection_lost"


class StoreFull(StoreUnavailable):
    """There is no room for the change."""


class NoAnswer(StoreUnavailable):
    """The connection was ended because a statement had no answer within its deadline."""


class Collided(StoreUnavailable):
    """The transaction was rolled back because of a deadlock with another server; a retry will succeed."""

    kind = "deadlock"


TOO_LATE = "timeout"
"""The kind, in metrics, of what waited too long to begin."""


class StoreMismatch(Exception):
    """The database's schema has another version than the program; the message names the command to run."""


class ConstraintViolated(Exception):
    """A constraint of the schema was violated, which is a bug; the transaction was rolled back."""

    kind = "constraint"


class Connection(Protocol):
    """A connection to either database. SQL uses `:name` parameters; these methods hide other differences.

    All methods raise StoreUnavailable or ConstraintViolated for errors of the driver.
    """

    syntax: dict[str, str]
    """The database's SQL for the braces of the schema, for row locks, and for its clock (`now_ms`)."""

    def begin(self) -> None:
        """Begins a transaction that may write."""

    def begin_at_once(self) -> bool:
        """Begins a transaction that may write, or returns False if that would wait for a lock."""

    def begin_snapshot(self) -> None:
        """Begins a read-only transaction that sees one state of the database."""

    def begin_exclusive(self) -> None:
        """Begins a transaction that excludes schema setup by other processes."""

    def lock_setup(self) -> None:
        """Locks schema setup by other processes for the rest of the transaction; waits for the lock."""

    def commit(self) -> None: ...

    def start_marking(self, writer: str) -> None:
        """Prepares `mark_commit` for a writer, whose batches are numbered from 1."""

    def mark_commit(self, writer: str, batch: int, allowed_s: float) -> None:
        """Records the batch in its own transaction, which fails if it began more than `allowed_s` ago."""

    def settle_commit(self, writer: str, batch: int) -> bool | None:
        """Whether the batch of the writer was committed, on a new connection after the former one broke.

        If not, neither it nor a later batch of the writer will be committed. None if the writer has no record.
        """

    def rollback(self) -> None:
        """Ends the transaction, if there is one; never raises."""

    def execute(self, sql: str, params: Params = NO_PARAMS) -> None: ...

    def fetch(self, sql: str, params: Params = NO_PARAMS) -> list[Row]: ...

    def fetch_together(self, queries: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        """Runs several reads on one state of the database."""

    def fetch_rows(self, sql: str, columns: str, rows: Sequence[Row]) -> list[Row]:
        """Runs SQL that reads `{rows}`, a table of the given rows with these columns."""

    def fetch_keys(self, sql: str, keys: Sequence[Key], params: Params = NO_PARAMS) -> list[Row]:
        """Runs SQL that reads `{keys}`, a table of (account_id, imei), in one statement."""

    def insert(self, table: str, columns: str, rows: Iterable[Row], on_conflict: str = "") -> None:
        """Inserts rows; `columns` is a comma-separated list. Columns of text or bytes need at least one value."""

    def delete_keys(self, table: str, keys: Sequence[Key], where: str = "") -> None:
        """Deletes the rows of the keys that meet the condition `where`."""

    def update_keys(self, table: str, assignment: str, keys: Sequence[Key], params: Params, where: str = "") -> None:
        """Updates the rows of the keys that meet `where`; `assignment` may use `:name` parameters."""

    def update_rows(self, table: str, key: str, columns: str, rows: Sequence[Row]) -> None:
        """Updates columns of rows by key; each row has the key and then the values of `columns`."""

    def lock_pools(self, account_ids: Sequence[int]) -> tuple[int, list[Row]]:
        """Locks the accounts' pools in id order. Returns the auth epoch and the pools' rows, as the fields of Pool."""

    def pipelined(self) -> AbstractContextManager[object]:
        """A context in which statements without results are sent without waiting for each other."""

    def check(self) -> None:
        """Raises StoreUnavailable if the database is known to be gone; without a query."""

    def has_table(self, name: str) -> bool: ...

    def read_last_ids(self, tables: Sequence[str]) -> dict[str, int]:
        """The last id generated for each table; 0 for none."""

    def record_last_ids(self, last_ids: Mapping[str, int]) -> None:
        """Sets the last generated ids. On PostgreSQL a rollback does not undo it, so call it last."""

    def maintain(self) -> None:
        """Refreshes the planner's statistics if they are outdated."""

    def close(self) -> None: ...


class Database(Protocol):
    """Opens connections to one database."""

    reads_inline: bool
    """Whether short reads run on the event loop."""
    commits_inline: bool
    """Whether commits run on the event loop, since they do not wait for the disk."""
    marks_commits: bool
    """Whether a connection can break between a commit and its answer, so that commits are marked and settled."""
    kind: str

    def connect(self, writes: bool = False) -> Connection: ...

    def dispose(self) -> None:
        """Deletes a database that is private to the process."""


def settle_commit(database: Database, writer: str, batch: int, within_s: float) -> bool | None:
    """Whether the batch of the writer was committed, on a new connection.

    If not, neither it nor a later batch of the writer will be. None if the database does not answer within the time,
    or has no record of the writer.
    """
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            with contextlib.closing(database.connect(writes=True)) as connection:
                return connection.settle_commit(writer, batch)
        except StoreUnavailable:
            time.sleep(SETTLE_EVERY_S)
    return None
