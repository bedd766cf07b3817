"""Alert rules as operators set, silence, test and delete them."""

from __future__ import annotations

from typing import Any

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.alerts.rules import MAX_RULES, WantedRule, check_rule
from fotapool.domain.errors import Conflict, NotFound
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.domain.records import from_attributes
from fotapool.services.accounts.accounts import name_accounts
from fotapool.services.accounts.alerts.evaluation import message_of
from fotapool.services.commands import DirectCommand
from fotapool.services.context import OPERATOR_PAGE, Context
from fotapool.store.accounts.alerts import rules as store
from fotapool.store.accounts.alerts.rules import AlertRule
from fotapool.store.db.connection import Connection


async def list_rules(context: Context, after: str = "", limit: int = OPERATOR_PAGE) -> list[AlertRule]:
    """Rules by name, after the given one."""
    return await context.reader.short(store.read_rules, after, limit)


async def read_rule(context: Context, name: str) -> AlertRule:
    """The rule. Raises NotFound."""
    return await context.reader.short(_existing, name)


async def account_names(context: Context, rules: list[AlertRule]) -> dict[int, str]:
    """The names of the accounts that the rules are about, by id."""
    return await name_accounts(context, {rule.account_id for rule in rules} - {ALL_ACCOUNTS})


async def set_rule(context: Context, wanted: WantedRule) -> AlertRule:
    """Creates the rule, or replaces the one of its name; its open alerts and its silence stay.

    Raises Invalid, and Conflict for another kind than it has, or for more than MAX_RULES.
    """
    context.audit.about("alert rule", wanted.name)
    check_rule(wanted, context.settings.private_targets_allowed, context.settings.sends_mail)

    def change(connection: Connection, now_ms: int) -> AlertRule:
        store.lock_alerts(connection)
        before = store.read_rule(connection, wanted.name)
        if before is None and store.count_rules(connection) >= MAX_RULES:
            raise Conflict(f"there are {MAX_RULES} alert rules, the maximum")
        if before is not None and (before.kind, before.account_id) != (wanted.kind, wanted.account_id):
            raise Conflict("the kind and the account of a rule are fixed: delete it, or choose another name")
        rule = from_attributes(
            AlertRule,
            wanted,
            id=0,
            silenced_until_ms=before and before.silenced_until_ms,
            created_ms=before.created_ms if before else now_ms,
            updated_ms=now_ms,
        )
        store.record_rule(connection, rule)
        context.audit.record(connection, now_ms, before and _shown(before), _shown(rule))
        return _existing(connection, wanted.name)

    return await context.writer.submit(DirectCommand(change, alone=True))


async def delete_rule(context: Context, name: str) -> None:
    """Deletes the rule and ends its alerts, without messages. Raises NotFound."""
    context.audit.about("alert rule", name)

    def delete(connection: Connection, now_ms: int) -> None:
        store.lock_alerts(connection)
        rule = _existing(connection, name)
        store.delete_rule(connection, rule, now_ms)
        context.audit.record(connection, now_ms, _shown(rule))

    await context.writer.submit(DirectCommand(delete, alone=True))


async def silence_rule(context: Context, name: str, until_ms: int | None) -> AlertRule:
    """Holds back the messages that alerts of the rule have begun, until the timestamp (ms); None ends the silence.

    An alert that is still open then is notified. Raises NotFound, and Conflict for a timestamp that is past.
    """
    context.audit.about("alert rule", name)

    def change(connection: Connection, now_ms: int) -> AlertRule:
        store.lock_alerts(connection)
        rule = _existing(connection, name)
        if until_ms is not None and until_ms <= now_ms:
            raise Conflict("until must be in the future")
        changed = rule._replace(silenced_until_ms=until_ms, updated_ms=now_ms)
        store.record_rule(connection, changed)
        context.audit.record(connection, now_ms, _shown(rule), _shown(changed))
        return changed

    return await context.writer.submit(DirectCommand(change, alone=True))


async def send_test(context: Context, name: str) -> AlertRule:
    """Sends a test message to the rule's targets. Raises NotFound, and Conflict if it has none."""
    context.audit.about("alert rule", name)

    def send(connection: Connection, now_ms: int) -> AlertRule:
        store.lock_alerts(connection)
        rule = _existing(connection, name)
        if not rule.targets:
            raise Conflict(f"alert rule {name} has no targets")
        store.record_message(connection, rule.targets, message_of("alerts.test", rule, [], now_ms), now_ms)
        context.audit.record(connection, now_ms, after={"targets": list(rule.targets)})
        return rule

    return await context.writer.submit(DirectCommand(send, alone=True))


def _existing(connection: Connection, name: str) -> AlertRule:
    found = None if "\x00" in name else store.read_rule(connection, name)
    if found is None:
        raise NotFound(f"alert rule {name[:100]} does not exist")
    return found


def _shown(rule: AlertRule) -> dict[str, Any]:
    """The rule as the audit log has it."""
    return {
        "kind": rule.kind.word,
        "threshold": rule.threshold,
        "minimum": rule.minimum,
        "targets": list(rule.targets),
        "enabled": rule.enabled,
        "silencedUntil": None if rule.silenced_until_ms is None else format_timestamp(rule.silenced_until_ms),
    }
