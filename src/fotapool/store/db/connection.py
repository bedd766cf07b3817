"""What the store asks of a database connection, and how a database is chosen by its URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Params = Mapping[str, Any]
Row = tuple[Any, ...]
NO_PARAMS: Params = {}
NO_AUTH_EPOCH = -1
"""In place of the number of ended sign-ins, where there is no sign-in to check."""
Key = tuple[int, int]
"""An account id and a device."""

BUSY_TIMEOUT_S = 10
"""How long a connection waits for another process's lock before the store counts as unavailable, in seconds."""


class StoreUnavailable(Exception):
    """The database is locked, full, read-only or gone; nothing was done. Trying again later may help."""


class ConnectionLost(StoreUnavailable):
    """The connection is of no use any more; a new one may work at once."""


class Collided(StoreUnavailable):
    """Two servers' transactions waited for each other, and this one was rolled back; again it will succeed."""


class StoreMismatch(Exception):
    """The database has another schema than this program; the message names the command that helps."""


class ConstraintViolated(Exception):
    """A constraint of the schema fired: a rule has a bug, and the transaction was rolled back."""


class Connection(Protocol):
    """One connection. SQL uses `:name` parameters; what else differs between the databases is behind these calls.

    Every call raises StoreUnavailable or ConstraintViolated for the driver's own errors.
    """

    words: dict[str, str]
    """The database's own words for the braces of the schema and of leases: `now_ms` is the database's own clock."""

    def begin(self) -> None:
        """Begins a transaction that may write."""

    def begin_at_once(self) -> bool:
        """Begins a transaction that may write, or answers False where that would mean waiting for a lock."""

    def begin_snapshot(self) -> None:
        """Begins a transaction whose reads all see one state."""

    def begin_exclusive(self) -> None:
        """Begins a transaction that no other process's schema set-up runs beside."""

    def lock_setup(self) -> None:
        """Waits, within a transaction, until no other process sets up the database."""

    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Ends the transaction, if there is one; never raises."""

    def execute(self, sql: str, params: Params = NO_PARAMS) -> None: ...

    def fetch(self, sql: str, params: Params = NO_PARAMS) -> list[Row]: ...

    def fetch_together(self, queries: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        """Runs several reads that see one state of the database."""

    def fetch_rows(self, sql: str, columns: str, rows: Sequence[Row]) -> list[Row]:
        """Runs SQL that reads `{rows}`, a table of the given rows with these columns."""

    def fetch_keys(self, sql: str, keys: Sequence[Key], params: Params = NO_PARAMS) -> list[Row]:
        """Runs SQL that reads `{keys}`, a table of (account_id, imei), in one statement."""

    def insert(self, table: str, columns: str, rows: Iterable[Row], on_conflict: str = "") -> None:
        """Inserts many rows at once; `columns` is a comma-separated list."""

    def delete_keys(self, table: str, keys: Sequence[Key], where: str = "") -> None:
        """Deletes the rows of the keys; `where` is a further condition."""

    def update_keys(self, table: str, assignment: str, keys: Sequence[Key], params: Params, where: str = "") -> None:
        """Updates the rows of the keys; `assignment` may use `:name` parameters."""

    def update_rows(self, table: str, key: str, columns: str, rows: Sequence[Row]) -> None:
        """Updates the columns of one row each; a row is the key's value and then the columns'."""

    def lock_pools(self, account_ids: Sequence[int]) -> tuple[int, list[Row]]:
        """How many sign-ins were ended so far, and the accounts' pool rows in id order, locked from now on."""

    def pipelined(self) -> AbstractContextManager[object]:
        """Within it, statements that answer nothing need not wait for the database one by one."""

    def check(self) -> None:
        """Raises StoreUnavailable if the database is visibly gone; costs next to nothing."""

    def has_table(self, name: str) -> bool: ...

    def read_last_ids(self, tables: Sequence[str]) -> dict[str, int]:
        """The last id that each of these tables has given to a row; 0 for none."""

    def record_last_ids(self, last_ids: Mapping[str, int]) -> None:
        """Lets tables go on with the id after this one. Not undone by a rollback everywhere: to be done last."""

    def maintain(self) -> None:
        """Refreshes the planner's statistics if it is time to."""

    def close(self) -> None: ...


class Database(Protocol):
    """Opens connections to one database."""

    reads_inline: bool
    """Whether a short read is so fast that it is done on the event loop itself."""
    commits_inline: bool
    """Whether a commit waits for nothing, so that it is done on the event loop too."""
    kind: str

    def connect(self, writes: bool = False) -> Connection: ...

    def dispose(self) -> None:
        """Removes what was only made for this process."""
