"""The audit: recomputes every invariant of an account from its rows, independently of the domain's rules."""

from __future__ import annotations

import msgspec

from fotapool.domain.campaigns.campaigns import RUNNING, CampaignStatus
from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import PurchaseType, format_device_id
from fotapool.store.campaigns.upgrades import HAS_CAMPAIGN, IS_OPEN, OPERATOR_CAMPAIGN
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import numbers


class Check(msgspec.Struct, frozen=True):
    """The result of one check: the invariant, whether the rows satisfy it, and the numbers found."""

    name: str
    says: str
    ok: bool
    found: str


_RUNNING = numbers(RUNNING)
_STARTED = numbers((CampaignStatus.SCHEDULED, CampaignStatus.ENDED, CampaignStatus.ABORTED))
_GRANTS = numbers(kind for kind in EntryKind if kind.delta > 0)
_LOSSES = numbers(kind for kind in EntryKind if kind.delta < 0)
_GIVEN = numbers(kind for kind in EntryKind if kind.notice_delta > 0)
_ENDED = numbers(kind for kind in EntryKind if kind.notice_delta < 0)
_SCHEDULED = f"{UpgradeStatus.SCHEDULED:d}"
_UNFINISHED = numbers((UpgradeStatus.SCHEDULED, UpgradeStatus.PENDING))
_MONTHLY = PurchaseType.MRC.value
_OF_CAMPAIGN = f"u.campaign_id = c.id AND u.{HAS_CAMPAIGN}"

_WRONG_HOLDER = (
    "l.account_id = :id AND ((NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = l.account_id AND d.imei = l.imei)"
    " AND NOT EXISTS (SELECT 1 FROM departed_device g WHERE g.account_id = l.account_id AND g.imei = l.imei))"
    " OR NOT EXISTS (SELECT 1 FROM ledger_entry e"
    f" WHERE e.account_id = l.account_id AND e.number = l.place AND e.imei = l.imei AND e.kind IN ({_GRANTS})))"
)
_LEVELS = (
    "(SELECT account_id, entries, at_ms, used, notice, sum(given) OVER (ORDER BY entries) AS notice_after FROM"
    " (SELECT account_id, entries, at_ms, used, notice, 0 AS given FROM pool_level WHERE account_id = :id"
    " UNION ALL SELECT account_id, number, NULL, NULL, NULL,"
    f" CASE WHEN kind IN ({_GIVEN}) THEN 1 WHEN kind IN ({_ENDED}) THEN -1 ELSE 0 END"
    " FROM ledger_entry WHERE account_id = :id) h)"
)
"""The levels of the pool's history, each with the notices that the ledger has given until then, among its entries.

One pass over both: a join would look through all entries for each level, since nothing has an index of the sums.
"""
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
        f" FROM license_pool p LEFT JOIN (SELECT sum(CASE WHEN kind IN ({_GRANTS}) THEN 1"
        f" WHEN kind IN ({_LOSSES}) THEN -1 ELSE 0 END) AS total"
        " FROM ledger_entry WHERE account_id = :id) e ON 1 = 1 WHERE p.account_id = :id",
        "counter {1}, sum of entries {2}",
    ),
    (
        "history-equals-ledger",
        "every level of the pool's history is what the ledger says of its time, and the latest is the pool's",
        "SELECT coalesce(sum(CASE WHEN l.used = coalesce(e.used_after, 0) AND l.notice = l.notice_after"
        " AND coalesce(ec.at_ms, 0) <= l.at_ms AND (nc.at_ms IS NULL OR nc.at_ms > l.at_ms OR nc.at_ms < ec.at_ms)"
        " THEN 0 ELSE 1 END), 0) = 0 AND max(l.entries) = max(p.entries),"
        " coalesce(sum(CASE WHEN l.used = coalesce(e.used_after, 0) THEN 0 ELSE 1 END), 0), max(l.entries),"
        f" max(p.entries) FROM license_pool p LEFT JOIN {_LEVELS} l ON l.account_id = p.account_id"
        " AND l.at_ms IS NOT NULL"
        " LEFT JOIN ledger_entry e ON e.account_id = l.account_id AND e.number = l.entries"
        " LEFT JOIN pool_change ec ON ec.account_id = e.account_id AND ec.number = e.change_number"
        " LEFT JOIN ledger_entry x ON x.account_id = l.account_id AND x.number = l.entries + 1"
        " LEFT JOIN pool_change nc ON nc.account_id = x.account_id AND nc.number = x.change_number"
        " WHERE p.account_id = :id",
        "{1} levels with another number of licenses, {2} of {3} entries",
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
        "every license belongs to a device of the account, or to one that has left without it, and to a ledger entry",
        f"SELECT count(*) = 0, count(*) FROM license l WHERE {_WRONG_HOLDER}",
        "{1} licenses without a device or a ledger entry",
    ),
    (
        "devices-are-in-their-namespace",
        "every device is in the namespace of its account, in which its IMEI is unique",
        "SELECT count(*) = 0, count(*) FROM device d JOIN account a ON a.id = d.account_id WHERE a.id = :id"
        " AND d.namespace <> a.namespace",
        "{1} devices in another namespace",
    ),
    (
        "one-license-one-open-upgrade",
        "a device has at most one license and at most one open upgrade",
        "SELECT l.n = 0 AND u.n = 0, l.n, u.n FROM (SELECT count(*) AS n FROM (SELECT imei FROM license"
        " WHERE account_id = :id GROUP BY imei HAVING count(*) > 1) a) l, (SELECT count(*) AS n FROM (SELECT imei"
        f" FROM upgrade WHERE account_id = :id AND {IS_OPEN} GROUP BY imei HAVING count(*) > 1) b) u",
        "{1} devices with several licenses, {2} with several open upgrades",
    ),
    (
        "candidates-equal-counter",
        "the candidate list is as long as its counter says",
        "SELECT count(c.imei) = p.candidates, count(c.imei), p.candidates FROM license_pool p LEFT JOIN candidate c"
        " ON c.account_id = p.account_id WHERE p.account_id = :id GROUP BY p.candidates",
        "{1} candidates, counter {2}",
    ),
    (
        "open-upgrades-have-a-campaign",
        "every open upgrade belongs to a campaign of the account that can still move it, or was set by the operator",
        f"SELECT count(*) = 0, count(*) FROM upgrade u WHERE u.account_id = :id AND u.{IS_OPEN}"
        f" AND u.campaign_id <> {OPERATOR_CAMPAIGN}"
        " AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.id = u.campaign_id AND c.account_id = u.account_id"
        f" AND (u.status = {_SCHEDULED} OR c.status IN ({_STARTED})))",
        "{1} open upgrades without such a campaign",
    ),
    (
        "ended-campaigns-have-nothing-scheduled",
        "no upgrade of an ended campaign is pending or scheduled once the background jobs have processed it",
        f"SELECT count(*) = 0, count(*) FROM campaign c JOIN upgrade u ON {_OF_CAMPAIGN}"
        f" AND u.status IN ({_UNFINISHED}) WHERE c.account_id = :id AND c.status NOT IN ({_RUNNING})"
        " AND c.scan_cursor IS NULL",
        "{1} such upgrades",
    ),
    (
        "campaigns-equal-their-devices",
        "every campaign has as many devices as its counters say, without those deleted for their age",
        "SELECT count(*) = 0, count(*) FROM campaign c WHERE c.account_id = :id AND c.devices <> c.purged +"
        f" (SELECT count(*) FROM upgrade u WHERE {_OF_CAMPAIGN})",
        "{1} campaigns with another number of devices",
    ),
    (
        "tallies-equal-their-devices",
        "every campaign's devices are as many as its tally says, with those deleted for their age",
        "SELECT count(*) = 0, count(*) FROM (SELECT c.id, c.purged AS p, coalesce(t.in_progress, 0) AS i,"
        " coalesce(t.completed, 0)"
        " AS d, coalesce(t.failed, 0) AS f, coalesce(t.canceled, 0) AS s, coalesce(t.rejected, 0) AS r,"
        f" count(*) FILTER (WHERE u.status = {UpgradeStatus.IN_PROGRESS:d}) AS ui,"
        f" count(*) FILTER (WHERE u.status = {UpgradeStatus.COMPLETED:d}) AS ud,"
        f" count(*) FILTER (WHERE u.status = {UpgradeStatus.FAILED:d}) AS uf,"
        f" count(*) FILTER (WHERE u.status = {UpgradeStatus.CANCELED:d}) AS us,"
        f" count(*) FILTER (WHERE u.status = {UpgradeStatus.REJECTED:d}) AS ur FROM campaign c"
        f" LEFT JOIN campaign_tally t ON t.campaign_id = c.id LEFT JOIN upgrade u ON {_OF_CAMPAIGN}"
        " WHERE c.account_id = :id GROUP BY 1, 2, 3, 4, 5, 6, 7) k WHERE i <> ui OR d < ud"
        " OR f < uf OR s < us OR r < ur"
        " OR d + f + s + r - ud - uf - us - ur > p",
        "{1} campaigns with another tally",
    ),
    (
        "scheduled-devices-are-licensed",
        "with monthly licenses only, a device that a campaign has scheduled since then holds one",
        "SELECT count(*) = 0, count(*) FROM account a JOIN upgrade u ON u.account_id = a.id"
        f" AND u.status = {_SCHEDULED} WHERE a.id = :id AND a.purchase_type = '{_MONTHLY}'"
        f" AND u.campaign_id <> {OPERATOR_CAMPAIGN} AND u.scheduled_ms >"
        " coalesce((SELECT min(coalesce((SELECT max(c.ended_ms) FROM scheduled_change c WHERE c.account_id = :id"
        " AND c.state = 'done' AND c.due_ms = n.from_ms), n.from_ms))"
        " FROM subscription_period n WHERE n.account_id = :id AND n.id > (SELECT"
        f" max(s.id) FROM subscription_period s WHERE s.account_id = :id AND s.purchase_type <> '{_MONTHLY}')), -1)"
        " AND NOT EXISTS (SELECT 1 FROM license l WHERE l.account_id = u.account_id AND l.imei = u.imei)",
        "{1} scheduled devices without a license",
    ),
    (
        "charged-once-completed",
        "only completed upgrades are charged",
        "SELECT count(*) = 0, count(*) FROM upgrade u WHERE u.account_id = :id AND u.charged_ms >= 0"
        f" AND u.status <> {UpgradeStatus.COMPLETED:d}",
        "{1} charged upgrades that are not completed",
    ),
    (
        "notices-equal-periods",
        "every license under notice has one open period for the statements, that ends when it says, and no other has",
        "SELECT l.n = p.n AND l.n = b.n, l.n, p.n FROM (SELECT count(notice_until_ms) AS n FROM license"
        " WHERE account_id = :id) l, (SELECT count(*) AS n FROM notice_period WHERE account_id = :id"
        " AND ended_ms IS NULL) p, (SELECT count(*) AS n FROM notice_period o JOIN license x ON"
        " x.account_id = o.account_id AND x.imei = o.imei AND x.notice_until_ms = o.until_ms"
        " WHERE o.account_id = :id AND o.ended_ms IS NULL) b",
        "{1} licenses under notice, {2} open periods",
    ),
    (
        "subscription-equals-period",
        "the latest period for the statements has the total and the purchase type of the account",
        "SELECT p.total = s.total AND a.purchase_type = s.purchase_type, p.total, a.purchase_type, s.total,"
        " s.purchase_type FROM account a JOIN license_pool p ON p.account_id = a.id LEFT JOIN subscription_period s"
        " ON s.id = (SELECT max(id) FROM subscription_period WHERE account_id = :id) WHERE a.id = :id",
        "total {1} with {2}, period {3} with {4}",
    ),
    (
        "lists-equal-their-outcomes",
        "every bulk job has as many outcomes as devices done, and counts them correctly",
        "SELECT count(*) = 0, count(*) FROM bulk_job j WHERE j.account_id = :id AND (j.done <> (SELECT count(*) FROM"
        " bulk_line l WHERE l.job = j.uuid AND l.outcome IS NOT NULL) OR j.done <> (SELECT"
        " coalesce(sum(o.devices), 0) FROM bulk_outcome o WHERE o.job = j.uuid))",
        "{1} bulk jobs with other outcomes",
    ),
    (
        "scheduled-changes-are-in-the-ledger",
        "every scheduled change that is done is a change of the ledger, and no other is",
        "SELECT count(*) = 0, count(*) FROM scheduled_change s WHERE s.account_id = :id AND (s.state = 'done') <>"
        " EXISTS (SELECT 1 FROM pool_change c WHERE c.account_id = s.account_id AND c.number = s.change_number"
        " AND c.at_ms = s.ended_ms AND c.verb = 'change subscription')",
        "{1} scheduled changes that are not",
    ),
    (
        "one-answer-for-a-key",
        "every idempotency key of a user has one answer, and the hash of the request that got it",
        "SELECT count(*) = 0, count(*) FROM (SELECT key FROM idempotency_key WHERE account_id = :id"
        " GROUP BY username, key HAVING count(*) > 1 OR min(length(request_hash)) <> 32) k",
        "{1} keys with several answers or without a hash",
    ),
)
CHECK_NAMES = tuple(check[0] for check in _CHECKS)


MAX_NAMED = 10
"""Maximum number of devices that a failed check names."""
_LEDGER_DISAGREES = (
    "SELECT d.imei FROM (SELECT imei FROM license WHERE account_id = :id UNION"
    " SELECT imei FROM ledger_entry WHERE account_id = :id) d WHERE (SELECT count(*) FROM license l"
    " WHERE l.account_id = :id AND l.imei = d.imei) <> (SELECT coalesce(sum(CASE"
    f" WHEN e.kind IN ({_GRANTS}) THEN 1 WHEN e.kind IN ({_LOSSES}) THEN -1 ELSE 0 END), 0)"
    " FROM ledger_entry e WHERE e.account_id = :id AND e.imei = d.imei) ORDER BY d.imei LIMIT :limit"
)
_OFFENDERS = {
    "holders-equal-counter": _LEDGER_DISAGREES,
    "ledger-equals-counter": _LEDGER_DISAGREES,
    "holders-are-devices": f"SELECT l.imei FROM license l WHERE {_WRONG_HOLDER} ORDER BY l.imei LIMIT :limit",
}
"""The devices that make a check fail: those whose license and ledger entries, or device, disagree."""


def read_audit(connection: Connection, account_id: int) -> list[Check]:
    """Runs every check within the caller's snapshot transaction."""
    return [_check(connection, account_id, *check) for check in _CHECKS]


def _check(connection: Connection, account_id: int, name: str, says: str, sql: str, found: str) -> Check:
    row = connection.fetch(sql, {"id": account_id})[0]
    text = found.format(*row)
    if not row[0] and name in _OFFENDERS:
        rows = connection.fetch(_OFFENDERS[name], {"id": account_id, "limit": MAX_NAMED + 1})
        named = [format_device_id(imei) for (imei,) in rows[:MAX_NAMED]]
        more = ["…"] if len(rows) > MAX_NAMED else []
        text += f"; devices: {', '.join(named + more)}" if named else "; no device disagrees with the ledger"
    return Check(name, says, bool(row[0]), text)
