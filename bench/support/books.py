"""Checks the books of accounts from their rows: nothing too many at any time, no gap, no time that runs backwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bench.support.databases import connected
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.store.accounts.accounts import read_accounts
from fotapool.store.db.audit import read_audit
from fotapool.store.db.connection import Connection

_NOTICED = {EntryKind.NOTICE_CANDIDATE: 1, EntryKind.NOTICE_OLDEST: 1, EntryKind.NOTICE_WITHDRAWN: -1}
_NOTICED[EntryKind.NOTICE_ENDED] = -1
MAX_ACCOUNTS = 1_000


@dataclass
class Books:
    """What was found wrong, over all accounts, and how much there was to check."""

    changes: int = 0
    entries: int = 0
    too_many: int = 0
    """Changes after which more licenses were assigned, without those under notice, than the account had."""
    gaps: int = 0
    """Entries that do not go on from the one before."""
    backwards: int = 0
    """Changes that are dated before the one before."""
    inconsistent: int = 0
    """Checks of the audit that failed."""


def check_books(url: str) -> Books:
    """Replays the ledger of every account, and runs the audit."""
    books = Books()
    with connected(url) as connection:
        for account in read_accounts(connection, "", MAX_ACCOUNTS):
            _replay(connection, account.id, books)
            books.inconsistent += sum(not check.ok for check in read_audit(connection, account.id))
    return books


def _replay(connection: Connection, account_id: int, books: Books) -> None:
    entries: dict[int, list[tuple[int, int]]] = {}
    sql = "SELECT change_number, kind, used_after FROM ledger_entry WHERE account_id = :id ORDER BY number"
    for change, kind, used_after in connection.fetch(sql, {"id": account_id}):
        entries.setdefault(change, []).append((kind, used_after))
    sql = "SELECT number, at_ms, verb, detail FROM pool_change WHERE account_id = :id ORDER BY number"
    used = notice = last_ms = 0
    total: int | None = None  # not known before the first change of the subscription
    for number, at_ms, verb, detail in connection.fetch(sql, {"id": account_id}):
        for kind, used_after in entries.pop(number, ()):
            books.gaps += used_after != used + EntryKind(kind).delta
            used, notice = used_after, notice + _NOTICED.get(EntryKind(kind), 0)
            books.entries += 1
        if verb == "change subscription":
            total = json.loads(detail)["after"]
        books.changes += 1
        books.too_many += total is not None and used - notice > total
        books.backwards += at_ms < last_ms
        last_ms = at_ms
    books.gaps += len(entries)


def count_by_request(url: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How many changes, and how many entries, each request has made."""
    with connected(url) as connection:
        requests = {
            row[:2]: row[2] for row in connection.fetch("SELECT account_id, number, request_id FROM pool_change")
        }
        entries = connection.fetch("SELECT account_id, change_number, count(*) FROM ledger_entry GROUP BY 1, 2")
    entries_of: Counter[str] = Counter()
    for account_id, change, count in entries:
        entries_of[requests[account_id, change]] += count
    return Counter(requests.values()), entries_of
