"""Recomputes every invariant of an account from its rows, independently of the rules that keep it."""

from __future__ import annotations

from dataclasses import dataclass

from fotapool.store.database import Connection


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: what it says, whether the rows agree, and what was found."""

    name: str
    says: str
    ok: bool
    found: str


_CHECKS = (
    (
        "assigned-within-total",
        "assigned licenses never exceed the total, except those under notice",
        "SELECT count(l.imei) - count(l.notice_until_ms) <= p.total, count(l.imei), count(l.notice_until_ms), p.total"
        " FROM license_pool p LEFT JOIN license l ON l.account_id = p.account_id WHERE p.account_id = :id"
        " GROUP BY p.total",
        "{1} assigned, {2} of them under notice, total {3}",
    ),
    (
        "holders-equal-counter",
        "devices that hold a license are as many as the used counter says",
        "SELECT count(l.imei) = p.used, count(l.imei), p.used FROM license_pool p"
        " LEFT JOIN license l ON l.account_id = p.account_id WHERE p.account_id = :id GROUP BY p.used",
        "{1} holders, counter {2}",
    ),
    (
        "ledger-equals-counter",
        "the ledger's entries add up to the used counter, and its last line says so",
        "SELECT p.used = coalesce(e.total, 0) AND p.used = coalesce((SELECT used_after FROM ledger_entry x"
        " WHERE x.account_id = p.account_id AND x.number = p.entries), 0), p.used, coalesce(e.total, 0)"
        " FROM license_pool p LEFT JOIN (SELECT sum(CASE WHEN kind IN (1, 9) THEN 1 WHEN kind IN (2, 3, 4, 8) THEN -1"
        " ELSE 0 END) AS total FROM ledger_entry WHERE account_id = :id) e ON 1 = 1 WHERE p.account_id = :id",
        "counter {1}, sum of entries {2}",
    ),
    (
        "ledger-without-gaps",
        "ledger entries are numbered without gaps, and each belongs to a recorded change",
        "SELECT p.entries = (SELECT count(*) FROM ledger_entry e JOIN pool_change c ON c.account_id = e.account_id"
        " AND c.number = e.change_number WHERE e.account_id = :id AND e.number BETWEEN 1 AND p.entries) AND p.entries ="
        " (SELECT count(*) FROM ledger_entry WHERE account_id = :id) AND p.changes = (SELECT count(*) FROM pool_change"
        " WHERE account_id = :id), p.entries, p.changes FROM license_pool p WHERE p.account_id = :id",
        "{1} entries in {2} changes",
    ),
    (
        "notice-equals-counter",
        "licenses under notice are as many as the notice counter says",
        "SELECT count(l.notice_until_ms) = p.notice, count(l.notice_until_ms), p.notice FROM license_pool p"
        " LEFT JOIN license l ON l.account_id = p.account_id WHERE p.account_id = :id GROUP BY p.notice",
        "{1} under notice, counter {2}",
    ),
    (
        "holders-are-devices",
        "every license belongs to a device of the account, as its latest ledger entry says",
        "SELECT count(*) = 0, count(*) FROM license l WHERE l.account_id = :id AND (NOT EXISTS (SELECT 1 FROM device d"
        " WHERE d.account_id = l.account_id AND d.imei = l.imei) OR NOT EXISTS (SELECT 1 FROM ledger_entry e"
        " WHERE e.account_id = l.account_id AND e.number = l.place AND e.imei = l.imei AND e.kind IN (1, 9)))",
        "{1} licenses without a device or a ledger entry",
    ),
    (
        "one-license-one-open-upgrade",
        "a device has at most one license and at most one open upgrade",
        "SELECT l.n = 0 AND u.n = 0, l.n, u.n FROM (SELECT count(*) AS n FROM (SELECT imei FROM license"
        " WHERE account_id = :id GROUP BY imei HAVING count(*) > 1) a) l, (SELECT count(*) AS n FROM (SELECT imei"
        " FROM upgrade WHERE account_id = :id AND status <= 2 GROUP BY imei HAVING count(*) > 1) b) u",
        "{1} devices with several licenses, {2} with several open upgrades",
    ),
    (
        "candidates-equal-counter",
        "the candidate list is as long as its counter says",
        "SELECT count(c.imei) = p.candidates, count(c.imei), p.candidates FROM license_pool p LEFT JOIN candidate c"
        " ON c.account_id = p.account_id WHERE p.account_id = :id GROUP BY p.candidates",
        "{1} candidates, counter {2}",
    ),
)
CHECK_NAMES = tuple(check[0] for check in _CHECKS)


def read_audit(connection: Connection, account_id: int) -> list[Check]:
    """Runs every check on one state of the database (the caller's snapshot)."""
    checks = []
    for name, says, sql, found in _CHECKS:
        row = connection.fetch(sql, {"id": account_id})[0]
        checks.append(Check(name, says, bool(row[0]), found.format(*row)))
    return checks
