"""Alerts and their rules, and the stop rules of campaigns: one page with the forms that change them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage, whole_number
from fotapool.console.app.rendering import plural
from fotapool.console.identity.sessions import PATH
from fotapool.domain.accounts.alerts.kinds import KIND_OF_WORD, AlertKind
from fotapool.domain.accounts.alerts.rules import MAX_NOTE, MIN_DEVICES, WantedRule
from fotapool.domain.campaigns.stop_rules import MAX_DEVICES
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.services.accounts.accounts import get_account
from fotapool.services.accounts.alerts import alerts, rules
from fotapool.services.campaigns import stop_rules
from fotapool.services.context import Caller
from fotapool.store.accounts.alerts.alerts import AlertFilter

ROWS = 50
STATES = {"open": True, "ended": False}
KINDS = [(kind.word, kind.value.label) for kind in AlertKind]
FIELDS = ("name", "kind", "account", "threshold", "minimum", "targets", "enabled")
_PAGE = f"{PATH}/alerts"


async def show_alerts(call: ConsoleCall) -> Response:
    return await _page(call)


async def _page(call: ConsoleCall, error: str = "", typed: dict[str, str] | None = None, status: int = 200) -> Response:
    account = call.text("account")
    wanted = AlertFilter(
        is_open=call.choice("state", STATES),
        account_id=(await get_account(call.context, account)).id if account else None,
        kind=call.choice("kind", {word: word for word in KIND_OF_WORD}) or "",
        rule=call.text("rule"),
    )
    found, next_cursor = await alerts.list_alerts(call.context, wanted, call.cursor(), ROWS)
    all_rules = await rules.list_rules(call.context)
    return await call.page(
        "alerts/alerts.html",
        "Alerts",
        status,
        found=Listing(
            found,
            cursor=call.cursor(),
            next_cursor=next_cursor,
            query={name: call.text(name) for name in ("state", "kind", "account", "rule")},
            searched=alerts.SCAN_LIMIT,
        ),
        rules=all_rules,
        accounts=await rules.account_names(call.context, all_rules),
        kinds=KINDS,
        kind_labels=dict(KINDS),
        units=[(kind.value.label, kind.value.unit) for kind in AlertKind],
        stop_rule=await stop_rules.read_stop_rule(call.context),
        min_devices=MIN_DEVICES,
        max_note=MAX_NOTE,
        sends_mail=call.context.settings.sends_mail,
        error=error,
        is_new=typed is None,
        typed=typed or dict.fromkeys(FIELDS, ""),
    )


async def acknowledge(call: ConsoleCall) -> Response:
    text = call.field("alert")
    if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) is None:
        raise NotFound(f"alert {text[:40]} does not exist")
    try:
        await alerts.acknowledge_alert(call.context, int(text), call.session.operator.name, call.field("note"))
    except Conflict as error:
        return await _refused(call, error)
    return await call.go(_PAGE, f"Alert {text} acknowledged.")


async def set_rule(call: ConsoleCall) -> Response:
    typed = {name: call.field(name) for name in FIELDS}
    try:
        kind = KIND_OF_WORD.get(typed["kind"])
        if kind is None:
            raise Invalid("choose what the rule watches")
        account_id = (await get_account(call.context, typed["account"])).id if typed["account"] else ALL_ACCOUNTS
        minimum = 0
        if kind.value.has_minimum:
            minimum = whole_number("minimum", typed["minimum"] or str(MIN_DEVICES), 1, MAX_DEVICES)
        wanted = WantedRule(
            name=typed["name"],
            kind=kind,
            account_id=account_id,
            threshold=whole_number("threshold", typed["threshold"], kind.value.least, kind.value.most),
            minimum=minimum,
            targets=tuple(typed["targets"].split()),
            enabled=bool(typed["enabled"]),
        )
        await rules.set_rule(call.context, wanted)
    except (Conflict, Invalid, NotFound) as error:
        return await _refused(call, error, typed)
    return await call.go(_PAGE, f"Alert rule {wanted.name} saved.")


async def delete_rule(call: ConsoleCall) -> Response:
    await rules.delete_rule(call.context, call.field("name"))
    return await call.go(_PAGE, f"Alert rule {call.field('name')} deleted. Its alerts have ended.")


async def silence_rule(call: ConsoleCall) -> Response:
    name, until = call.field("name"), call.field("until")
    try:
        until_ms = round(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp() * 1000) if until else None
        await rules.silence_rule(call.context, name, until_ms)
    except ValueError:
        return await _refused(call, Invalid("Until must be a date and a time"))
    except Conflict as error:
        return await _refused(call, error)
    return await call.go(_PAGE, f"Alert rule {name} silenced." if until else f"Silence of {name} ended.")


async def send_test(call: ConsoleCall) -> Response:
    name = call.field("name")
    try:
        rule = await rules.send_test(call.context, name)
    except Conflict as error:
        return await _refused(call, error)
    return await call.go(
        _PAGE, f"Test message queued for {plural(len(rule.targets), 'target')}. Callbacks shows the result."
    )


async def set_stop_rule(call: ConsoleCall) -> Response:
    """Sets the stop rule of all accounts, or of one."""
    account, percent = call.field("account"), call.field("percent")
    caller = Caller(call.session.operator.name, call.request_id, ALL_ACCOUNTS)
    try:
        if account:
            caller = call.caller(await get_account(call.context, account))
        call.audit.about("stop rule", "", account)
        share = whole_number("percent", percent, 1, 100) if percent else None
        devices = whole_number("devices", call.field("devices") or str(MIN_DEVICES), 1, MAX_DEVICES)
        await stop_rules.set_stop_rule(call.context, caller, share, devices)
    except (Invalid, NotFound) as error:
        return await _refused(call, error)
    return await call.go(_PAGE, f"Stop rule of {account or 'all accounts'} saved.")


async def _refused(call: ConsoleCall, error: Exception, typed: dict[str, str] | None = None) -> Response:
    status = 409 if isinstance(error, Conflict) else 400
    call.audit.refused_status, call.audit.reason = status, str(error)
    return await _page(call, str(error), typed, status)


PAGES = (
    ConsolePage("GET", "/alerts", show_alerts),
    ConsolePage("POST", "/alerts/acknowledge", acknowledge, action="acknowledgeAlert"),
    ConsolePage("POST", "/alerts/rules", set_rule, action="setAlertRule"),
    ConsolePage("POST", "/alerts/rules/delete", delete_rule, action="deleteAlertRule"),
    ConsolePage("POST", "/alerts/rules/silence", silence_rule, action="silenceAlertRule"),
    ConsolePage("POST", "/alerts/rules/test", send_test, action="testAlertRule"),
    ConsolePage("POST", "/alerts/stop-rule", set_stop_rule),
)
