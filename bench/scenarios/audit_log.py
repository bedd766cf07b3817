"""The audit log of a year, a million entries: each filter of the operator API, alone and together."""

from __future__ import annotations

import time

import httpx

from bench.scenarios.assign import Scale
from bench.support.databases import Store, connected
from bench.support.processes import OPERATOR, Failed, serving
from bench.support.report import Report
from fotapool.core.timestamps import DAY_MS, format_timestamp
from fotapool.store.audit_log import AuditEntry
from fotapool.store.db.rows import columns

ENTRIES = 1_000_000
DAYS = 365
REQUESTS = 20
AT_MOST_MS = 50.0
ROWS_AN_INSERT = 10_000
FILL = f"""
INSERT INTO audit_log ({columns(AuditEntry)})
SELECT :first + i * :step, 'operator-' || (i % 40), 'editor', 'operator-api', '10.0.0.' || (i % 250), 'request-' || i,
    'action-' || (i % 61), 'account-' || (i % 10007), 'device', 'target-' || (i % 90001), '{{"status":"active"}}',
    '{{"status":"suspended","note":"one of a million"}}', CASE WHEN i % 97 = 0 THEN 403 END, '',
    CASE WHEN i % 97 = 0 THEN i END, 1, :first + i * :step FROM (SELECT :done + i AS i FROM {{numbers}} n) s
"""


def measure_audit_log(report: Report, store: Store, scale: Scale) -> None:
    """(l) A page of 100 entries of a million, as the median of 20 requests on loopback."""
    url, now_ms = store.create(), time.time_ns() // 1_000_000
    first_ms, began = now_ms - DAYS * DAY_MS + DAY_MS // 2, time.monotonic()
    step = (now_ms - first_ms) // ENTRIES
    fill = FILL.replace("{numbers}", store.numbers.format(count=ROWS_AN_INSERT))
    with connected(url) as connection:
        for done in range(0, ENTRIES, ROWS_AN_INSERT):
            connection.begin()
            connection.execute(fill, {"first": first_ms, "step": step, "done": done})
            connection.commit()
    store.settle(url)
    print(f"   wrote {ENTRIES:,} entries in {time.monotonic() - began:.0f} s")
    middle = format_timestamp(first_ms + DAYS // 2 * DAY_MS)
    with serving(url) as server:
        base = f"http://127.0.0.1:{server.port}/control/v1/audit-log"
        with httpx.Client(headers={"Authorization": f"Bearer {OPERATOR}"}, timeout=60) as http:
            for label, query in _filters(middle):
                report.add_rounds(
                    section="n",
                    database=store.kind,
                    name=f"audit log, {label}",
                    values=_times_ms(http, f"{base}?{query}"),
                    unit="ms",
                    at_most=AT_MOST_MS,
                )
        report.add_memory("n", store.kind, "serve", server.peak_mib)
    store.drop(url)


def _filters(middle: str) -> list[tuple[str, str]]:
    return [
        ("no filter", ""),
        ("a time range", f"until={middle}"),
        ("an operator", "operator=operator-7"),
        ("an action", "action=action-3"),
        ("an account", "account=account-11"),
        ("a target", "target=target-13"),
        ("a request", "requestId=request-500000"),
        ("refused", "outcome=refused"),
        ("done, in a time range", f"outcome=done&until={middle}"),
        ("an operator and an action", f"operator=operator-7&action=action-3&until={middle}"),
        ("an operator and an action that never met", "operator=operator-7&action=none"),
        ("refused to an operator", "operator=operator-7&outcome=refused"),
        ("an account, an operator, an action", "account=account-11&operator=operator-7&action=action-3"),
        ("an operator, done, of whom nothing was", "operator=nobody&outcome=done"),
    ]


def _times_ms(http: httpx.Client, address: str) -> list[float]:
    """Milliseconds of each request after the first."""
    times = []
    for _ in range(REQUESTS + 1):
        began = time.perf_counter()
        answer = http.get(address)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise Failed(f"{address} answered {answer.status_code}: {answer.text[:500]}")
    return times[1:]
