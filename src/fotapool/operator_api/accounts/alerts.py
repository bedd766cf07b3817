"""Operations on alert rules and alerts."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp, parse_timestamp
from fotapool.domain.accounts.alerts.kinds import KIND_OF_WORD, AlertKind
from fotapool.domain.accounts.alerts.rules import (
    MAX_NOTE,
    MAX_TARGETS,
    MIN_DEVICES,
    NAME_PATTERN,
    WantedRule,
)
from fotapool.domain.errors import Invalid
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.domain.records import from_attributes
from fotapool.operator_api.accounts.accounts import AccountName
from fotapool.operator_api.callbacks import NewSigning, Signing
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts.accounts import get_account
from fotapool.services.accounts.alerts import alerts, rules
from fotapool.services.callbacks import listeners
from fotapool.services.context import Caller
from fotapool.store.accounts.alerts.alerts import Alert, AlertFilter
from fotapool.store.accounts.alerts.rules import AlertRule
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    AFTER_NAME,
    LIMIT,
    PAGE_BY_NAME,
    Parameter,
    account_parameter,
    choice_parameter,
    id_in_path,
    int_parameter,
    text_parameter,
)


def _parse_name(text: str) -> str:
    if re.fullmatch(NAME_PATTERN, text, re.ASCII) is None:
        raise ValueError("must be 1 to 100 letters, digits, spaces, '.', '_' or '-', and begin with a letter or digit")
    return text


RULE_NAME = Parameter("rule", _parse_name, {"type": "string", "pattern": f"^{NAME_PATTERN}$"}, location="path")
STATES = {"open": True, "ended": False}
ALERT_ID = id_in_path("id", "alert")
IN_STATE = choice_parameter("state", "only open or only ended alerts", STATES)
OF_KIND = choice_parameter("kind", "only alerts of this kind", {word: word for word in KIND_OF_WORD})
OF_RULE = text_parameter("rule", "only alerts of this rule", default="")
OF_ACCOUNT = account_parameter("account", "only alerts of this account")
BEFORE = int_parameter("before", "the `next` of the page before", minimum=1)
Kind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(KIND_OF_WORD)})]
Targets = Annotated[list[str], msgspec.Meta(extra_json_schema={"maxItems": MAX_TARGETS})]


class NewAlertRule(msgspec.Struct, forbid_unknown_fields=True):
    """A rule for one account, or for all. `threshold` is in the unit of the kind.

    `minimum` is the number of finished devices from which on campaignFailures counts, 10 by default. `targets` are
    URLs, and `mailto:` with an e-mail address.
    """

    kind: Kind
    threshold: Annotated[int, msgspec.Meta(ge=0)]
    account: AccountName | None = None
    minimum: Annotated[int, msgspec.Meta(ge=0)] | None = None
    targets: Targets = []
    enabled: bool = True


class AlertRuleView(msgspec.Struct):
    """`account` is null for a rule about all accounts; `silencedUntil` is null unless its messages are held back."""

    name: str
    kind: Kind
    threshold: int
    unit: str
    minimum: int
    account: str | None
    targets: list[str]
    enabled: bool
    silencedUntil: str | None
    createTime: str
    updateTime: str


class AlertRuleList(msgspec.Struct):
    rules: list[AlertRuleView]
    hasMoreData: bool


class Silence(msgspec.Struct, forbid_unknown_fields=True):
    """Until when messages are held back; null ends the silence."""

    until: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_NOTE})] = ""


class AlertView(msgspec.Struct):
    """`topic` is the campaign, the listener or the change that the alert is about, or empty.

    `value` is the one at which it began, null for a callback that was given up. `notified` says whether the
    message that it began was sent, or there was no target.
    """

    id: int
    rule: str
    kind: Kind
    account: str
    topic: str
    value: int | None
    text: str
    beginTime: str
    endTime: str | None
    notified: bool
    acknowledgeTime: str | None
    acknowledgedBy: str
    note: str


class AlertList(msgspec.Struct):
    """Newest first. `next` is null at the end; a page may be empty before it, because 5,000 alerts are searched."""

    alerts: list[AlertView]
    next: int | None


def rule_view(rule: AlertRule, accounts: dict[int, str], now_ms: int) -> AlertRuleView:
    """The rule as the operator API returns it."""
    return from_attributes(
        AlertRuleView,
        rule,
        kind=rule.kind.word,
        unit=rule.kind.value.unit,
        account=accounts.get(rule.account_id),
        targets=list(rule.targets),
        silencedUntil=time_or_none(rule.silenced_until_ms) if rule.is_silenced(now_ms) else None,
        createTime=format_timestamp(rule.created_ms),
        updateTime=format_timestamp(rule.updated_ms),
    )


def _alert_view(alert: Alert) -> AlertView:
    return from_attributes(
        AlertView,
        alert,
        rule=alert.rule_name,
        account=alert.account_name,
        beginTime=format_timestamp(alert.began_ms),
        endTime=time_or_none(alert.ended_ms),
        notified=bool(alert.notified),
        acknowledgeTime=time_or_none(alert.acknowledged_ms),
    )


async def _view(call: OperatorCall, rule: AlertRule) -> AlertRuleView:
    return rule_view(rule, await rules.account_names(call.context, [rule]), call.context.clock.now_ms())


async def list_alert_rules(call: OperatorCall) -> AlertRuleList:
    """List alert rules by name."""
    found = await rules.list_rules(call.context, call.get(AFTER_NAME), call.read_limit)
    page, more = call.page(found)
    accounts = await rules.account_names(call.context, found)
    return AlertRuleList([rule_view(one, accounts, call.context.clock.now_ms()) for one in page], more)


async def read_alert_rule(call: OperatorCall) -> AlertRuleView:
    """Read an alert rule."""
    return await _view(call, await rules.read_rule(call.context, call.get(RULE_NAME)))


async def set_alert_rule(call: OperatorCall, given: NewAlertRule) -> AlertRuleView:
    """Create an alert rule, or replace the one of this name."""
    if given.kind not in KIND_OF_WORD:
        raise Invalid(f"kind must be one of {', '.join(KIND_OF_WORD)}")
    kind = KIND_OF_WORD[given.kind]
    minimum = given.minimum
    if minimum is None:
        minimum = MIN_DEVICES if kind is AlertKind.CAMPAIGN_FAILURES else 0
    account_id = ALL_ACCOUNTS if given.account is None else (await get_account(call.context, given.account)).id
    wanted = WantedRule(
        name=call.get(RULE_NAME),
        kind=kind,
        account_id=account_id,
        threshold=given.threshold,
        minimum=minimum,
        targets=tuple(given.targets),
        enabled=given.enabled,
    )
    return await _view(call, await rules.set_rule(call.context, wanted))


async def delete_alert_rule(call: OperatorCall) -> None:
    """Delete an alert rule and end its alerts, without messages."""
    await rules.delete_rule(call.context, call.get(RULE_NAME))


async def silence_alert_rule(call: OperatorCall, given: Silence) -> AlertRuleView:
    """Hold back messages that alerts of a rule have begun, until a time."""
    try:
        until_ms = None if given.until is None else parse_timestamp(given.until)
    except ValueError as error:
        raise Invalid("until must be a time as in 2026-12-01T00:00:00Z") from error
    return await _view(call, await rules.silence_rule(call.context, call.get(RULE_NAME), until_ms))


async def test_alert_rule(call: OperatorCall) -> AlertRuleView:
    """Send a test message to each target of an alert rule."""
    return await _view(call, await rules.send_test(call.context, call.get(RULE_NAME)))


async def list_alerts(call: OperatorCall) -> AlertList:
    """List alerts, newest first."""
    name = call.find(OF_ACCOUNT)
    wanted = AlertFilter(
        is_open=call.find(IN_STATE),
        account_id=None if name is None else (await get_account(call.context, name)).id,
        kind=call.find(OF_KIND) or "",
        rule=call.get(OF_RULE),
    )
    found, following = await alerts.list_alerts(call.context, wanted, call.find(BEFORE), call.get(LIMIT))
    return AlertList([_alert_view(one) for one in found], following)


async def read_alert(call: OperatorCall) -> AlertView:
    """Read an alert."""
    return _alert_view(await alerts.read_alert(call.context, call.get(ALERT_ID)))


async def acknowledge_alert(call: OperatorCall, given: Acknowledgement) -> AlertView:
    """Say who deals with an open alert; a further acknowledgement replaces the note."""
    return _alert_view(await alerts.acknowledge_alert(call.context, call.get(ALERT_ID), call.operator, given.note))


async def turn_on_alert_signing(call: OperatorCall, given: NewSigning) -> Signing:
    """Sign the webhooks of alerts with a secret, which is shown once."""
    return Signing(await listeners.turn_on_signing(call.context, _server(call), given.secret))


async def turn_off_alert_signing(call: OperatorCall) -> None:
    """Sign the webhooks of alerts no longer."""
    await listeners.turn_off_signing(call.context, _server(call))


def _server(call: OperatorCall) -> Caller:
    """The operator, about the server itself."""
    return Caller(call.operator, call.request_id, ALL_ACCOUNTS)


_RULE = "/alert-rules/{rule}"
_SIGNING = "/alerts/signing"
OPERATIONS = (
    Operation("GET", "/alert-rules", list_alert_rules, parameters=PAGE_BY_NAME),
    Operation("GET", _RULE, read_alert_rule, parameters=[RULE_NAME]),
    Operation("PUT", _RULE, set_alert_rule, parameters=[RULE_NAME]),
    Operation("DELETE", _RULE, delete_alert_rule, parameters=[RULE_NAME]),
    Operation("PUT", _RULE + "/silence", silence_alert_rule, parameters=[RULE_NAME]),
    Operation("POST", _RULE + "/test", test_alert_rule, parameters=[RULE_NAME]),
    Operation("GET", "/alerts", list_alerts, parameters=(IN_STATE, OF_KIND, OF_RULE, OF_ACCOUNT, BEFORE, LIMIT)),
    Operation("PUT", _SIGNING, turn_on_alert_signing),
    Operation("DELETE", _SIGNING, turn_off_alert_signing),
    Operation("GET", "/alerts/{id}", read_alert, parameters=[ALERT_ID]),
    Operation("POST", "/alerts/{id}/acknowledge", acknowledge_alert, parameters=[ALERT_ID]),
)
