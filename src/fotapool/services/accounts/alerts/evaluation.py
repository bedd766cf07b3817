"""The evaluation of alert rules: a pass over all accounts at each interval, a page of them at a time.

A step is one transaction: it takes the lock of alerts, compares a page of accounts with the rules, and records alerts
that begin and end together with the messages about them. Several servers take turns; a server that dies has done a
step completely or not at all. So an alert begins once and ends once, and each message about it is
put into a queue once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.timestamps import DAY_MS, SECOND_MS, format_timestamp
from fotapool.domain.accounts.alerts.kinds import AlertKind, Observation, begins, lasts
from fotapool.domain.accounts.alerts.messages import MAX_ALERTS_A_MESSAGE
from fotapool.domain.accounts.alerts.rules import MAX_OPEN_ALERTS
from fotapool.domain.callbacks import AlertMessage
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.services.accounts.alerts.observations import OBSERVE, Page
from fotapool.services.commands import DirectCommand, delete_in_batches
from fotapool.services.context import LAST_ID, Context
from fotapool.store.accounts.alerts import alerts as store
from fotapool.store.accounts.alerts.alerts import Alert, Pass
from fotapool.store.accounts.alerts.observations import read_account_page
from fotapool.store.accounts.alerts.rules import AlertRule, lock_alerts, read_rules, record_message
from fotapool.store.db.connection import Connection

log = Log(__name__)

ACCOUNTS_A_STEP = 250
PASSES_AN_ADVANCE = 500
"""Maximum number of passes of one advance of the test clock; over more intervals, they are further apart."""
RETENTION_MS = 90 * DAY_MS
"""How long ended alerts are stored."""
ALERTS_PER_PURGE = 1_000
BEGAN, ENDED = "alert began", "alert ended"
Begun = list[tuple[AlertRule, Observation]]


class StepOutcome(msgspec.Struct):
    """What a step did: the alerts that began and ended, and rules with too many of them."""

    has_more: bool = False
    began: list[Alert] = msgspec.field(default_factory=list)
    ended: list[Alert] = msgspec.field(default_factory=list)
    full: list[str] = msgspec.field(default_factory=list)


Pace = Callable[[Callable[[Context], Awaitable[StepOutcome]]], Awaitable[StepOutcome]]


def interval_ms(context: Context, span_ms: int = 0) -> int:
    """The time (ms) between two passes; during an advance of the test clock by `span_ms`, at least a part of it."""
    return max(context.settings.alert_interval_s * SECOND_MS, span_ms // PASSES_AN_ADVANCE)


async def next_evaluation_ms(context: Context, interval: int) -> int | None:
    """When (ms) the next step of a pass is due; None while there is nothing to evaluate."""

    def read(connection: Connection) -> int | None:
        if not store.has_work(connection):
            return None
        found = store.read_pass(connection)
        return found.began_ms if found.after_account is not None else found.began_ms + interval

    return await context.reader.short(read)


async def evaluate_alerts(context: Context, interval: int, pace: Pace | None = None) -> list[StepOutcome]:
    """Runs the pass that is due, if one is. Returns its steps with the alerts that began and ended.

    `pace` runs each step, and may pause after it.
    """
    due_ms = await next_evaluation_ms(context, interval)
    outcomes: list[StepOutcome] = []
    if due_ms is None or due_ms > context.clock.now_ms():
        return outcomes
    run = partial(_run_step, interval)
    has_more = True
    while has_more:
        outcome = await (run(context) if pace is None else pace(run))
        _log(outcome)
        has_more = outcome.has_more
        outcomes.append(outcome)
    return outcomes


async def _run_step(interval: int, context: Context) -> StepOutcome:
    command = DirectCommand(_step(interval), alone=True, inline=False, devices=ACCOUNTS_A_STEP)
    return await context.writer.submit(command)


def _log(outcome: StepOutcome) -> None:
    for alert in outcome.began:
        log.write(LogEvent.ALERT_BEGAN, rule=alert.rule_name, account=alert.account_name, reason=alert.text)
    for alert in outcome.ended:
        log.write(LogEvent.ALERT_ENDED, rule=alert.rule_name, account=alert.account_name)
    for name in outcome.full:
        log.write(LogEvent.ALERTS_LEFT_OUT, rule=name, limit=MAX_OPEN_ALERTS)


def _step(interval: int) -> Callable[[Connection, int], StepOutcome]:
    def step(connection: Connection, now_ms: int) -> StepOutcome:
        lock_alerts(connection)
        found = store.read_pass(connection)
        if found.after_account is None:
            if found.began_ms + interval > now_ms:
                return StepOutcome()  # another server has done it
            found = Pass(now_ms, ALL_ACCOUNTS)
        after = found.after_account or ALL_ACCOUNTS
        accounts = read_account_page(connection, after, ACCOUNTS_A_STEP)
        has_more = len(accounts) == ACCOUNTS_A_STEP
        last = accounts[-1].id if has_more else LAST_ID
        names = {one.id: one.name for one in accounts}
        page = Page(after=after, last=last, accounts=accounts, now_ms=now_ms, names=names)
        outcome = _evaluate(connection, page)
        outcome.has_more = has_more
        store.record_pass(connection, Pass(found.began_ms, last if has_more else None))
        return outcome

    return step


def _evaluate(connection: Connection, page: Page) -> StepOutcome:
    """Compares the page with the rules; records what begins and ends, and the messages about it."""
    rules = {rule.id: rule for rule in read_rules(connection)}
    open_ = {alert.key: alert for alert in store.read_open_alerts(connection, page.after, page.last)}
    outcome, begun, lasting = StepOutcome(), [], set()
    for rule, seen in _watched(connection, page, [rule for rule in rules.values() if rule.enabled]):
        key = rule.id, seen.account_id, seen.topic
        if key in open_ and lasts(rule.kind, rule.threshold, rule.minimum, seen):
            lasting.add(key)
        elif key not in open_ and begins(rule.kind, rule.threshold, rule.minimum, seen):
            begun.append((rule, seen))
    outcome.ended = [alert for key, alert in open_.items() if key not in lasting]
    store.record_ended(connection, outcome.ended, page.now_ms)
    store.record_begun(connection, _within_limit(connection, begun, outcome), page.now_ms)
    is_changed = begun or outcome.ended
    now_open = store.read_open_alerts(connection, page.after, page.last) if is_changed else list(open_.values())
    outcome.began = [alert for alert in now_open if alert.key not in open_]
    _notify(connection, rules, open_=now_open, ended=outcome.ended, now_ms=page.now_ms)
    return outcome


def _watched(connection: Connection, page: Page, rules: Sequence[AlertRule]) -> Iterator[tuple[AlertRule, Observation]]:
    """Each rule with each observation of its accounts; what a kind watches is read once."""
    kinds: dict[AlertKind, list[AlertRule]] = {}
    for rule in rules:
        if rule.account_id == ALL_ACCOUNTS or rule.account_id in page.names:
            kinds.setdefault(rule.kind, []).append(rule)
    for kind, of_kind in kinds.items():
        for seen in OBSERVE[kind](connection, page):
            for rule in of_kind:
                if rule.account_id in (ALL_ACCOUNTS, seen.account_id):
                    yield rule, seen


def _within_limit(connection: Connection, begun: Begun, outcome: StepOutcome) -> Begun:
    """The alerts that may begin: a rule has at most MAX_OPEN_ALERTS open ones."""
    kept: Begun = []
    room: dict[int, int] = {}
    for rule, seen in begun:
        if rule.id not in room:
            room[rule.id] = MAX_OPEN_ALERTS - store.count_open(connection, rule.id)
        room[rule.id] -= 1
        if room[rule.id] >= 0:
            kept.append((rule, seen))
        elif rule.name not in outcome.full:
            outcome.full.append(rule.name)
    return kept


def _notify(
    connection: Connection, rules: dict[int, AlertRule], open_: Iterable[Alert], ended: Sequence[Alert], now_ms: int
) -> None:
    """Puts messages into the queues: ends of alerts whose beginning was sent, and beginnings unless silenced."""
    of_rule: dict[int, tuple[list[Alert], list[Alert]]] = {}
    for alert in ended:
        if alert.notified:
            of_rule.setdefault(alert.rule_id, ([], []))[0].append(alert._replace(ended_ms=now_ms))
    for alert in open_:
        rule = rules.get(alert.rule_id)
        if not alert.notified and rule is not None and not rule.is_silenced(now_ms):
            of_rule.setdefault(alert.rule_id, ([], []))[1].append(alert)
    for rule_id, (over, begun) in of_rule.items():
        rule = rules.get(rule_id)
        if rule is not None:
            for kind, alerts in (("alerts.ended", over), ("alerts.began", begun)):
                for start in range(0, len(alerts), MAX_ALERTS_A_MESSAGE):
                    part = alerts[start : start + MAX_ALERTS_A_MESSAGE]
                    record_message(connection, rule.targets, message_of(kind, rule, part, now_ms), now_ms)
    store.record_notified(connection, [alert for _, begun in of_rule.values() for alert in begun])


def message_of(kind: str, rule: AlertRule, alerts: Sequence[Alert], now_ms: int) -> AlertMessage:
    """The message about alerts of a rule; `kind` is one of TYPES."""
    about: dict[str, Any] = {
        "name": rule.name,
        "kind": rule.kind.word,
        "threshold": rule.threshold,
        "minimum": rule.minimum,
    }
    return AlertMessage(kind, now_ms, about, tuple(_facts(alert) for alert in alerts))


def _facts(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "account": alert.account_name,
        "topic": alert.topic,
        "value": alert.value,
        "text": alert.text,
        "beganAt": format_timestamp(alert.began_ms),
        "endedAt": None if alert.ended_ms is None else format_timestamp(alert.ended_ms),
    }


async def purge_alerts(context: Context) -> int:
    """Deletes alerts that ended RETENTION_MS ago, in batches; returns how many."""
    before_ms = context.clock.now_ms() - RETENTION_MS
    return await delete_in_batches(context, store.delete_ended_alerts, before_ms, ALERTS_PER_PURGE)
