"""The fault injection page: rules, their latest hits, and a form for a new rule with examples."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, whole_number
from fotapool.console.emulator.fault_labels import describe_action, describe_match
from fotapool.domain.errors import Conflict, Invalid
from fotapool.emulator.faults import MAX_RULES
from fotapool.emulator.rules import MAX_COUNT, FaultRule, NewFault

PATH = "/console/emulator/faults"
SHOWN_HITS = 100
MAX_BODY_CHARACTERS = 64_000

KINDS = {
    "after": ("Connection lost after the change", {"drop": "after"}),
    "before": ("Connection lost before the change", {"drop": "before"}),
    "status": ("Custom response", {}),
    "latency": ("Latency", {}),
    "bearer": ("Bearer token expired", {"expireToken": "bearer"}),
    "session": ("Session token expired", {"expireToken": "session"}),
    "callback-drop": ("Callback lost", {"callback": "drop"}),
    "callback-duplicate": ("Callback sent twice", {"callback": "duplicate"}),
    "callback-reorder": ("Callback sent after the next one", {"callback": "reorder"}),
    "callback-delay": ("Callback late", {"callback": "delay"}),
}
"""The effects: label, and members of `action`."""

COUNTS = ("nth", "every", "times")
TEXT_FIELDS = ("path", "method", "account", "deviceId")
ACTION_FIELDS = ("kind", "status", "body", "headers", "latencyMs", "byMs")
FIELDS = (*TEXT_FIELDS, *COUNTS, "probability", "seed", *ACTION_FIELDS)


class Preset(msgspec.Struct, frozen=True):
    """An example: its label, what it teaches, and the fields of the form."""

    label: str
    lesson: str
    fields: dict[str, str]


PRESETS = {
    "lost-answer": Preset(
        "Lose the answer of the next assign",
        "The licenses are assigned, but the client gets no answer. It must ask again, and not count them twice.",
        {"path": "/fota/v3/licenses/*/assign", "nth": "1", "kind": "after"},
    ),
    "rate-limit": Preset(
        "Refuse every tenth call with 429",
        "The gateway's rate limit: the client must wait as Retry-After says, then continue.",
        {
            "path": "/fota",
            "every": "10",
            "kind": "status",
            "status": "429",
            "headers": "Retry-After: 2",
            "body": '{"fault": {"code": "900803", "message": "Message throttled out",'
            ' "description": "You have exceeded your quota"}}',
        },
    ),
    "unsteady": Preset(
        "One call in five is slow",
        "A slow network, with the same delays in each run: it tests the timeouts of the client.",
        {"probability": "0.2", "seed": "7", "kind": "latency", "latencyMs": "1500"},
    ),
    "expired": Preset(
        "End the bearer token at the 50th call",
        "Tokens expire in the middle of long jobs: the client must get another one and repeat the call.",
        {"path": "/fota", "nth": "50", "kind": "bearer"},
    ),
    "twice": Preset(
        "Send a third of the callbacks twice",
        "Callbacks are delivered at least once: the listener must detect duplicates by webhook-id.",
        {"probability": "0.3", "kind": "callback-duplicate"},
    ),
    "out-of-order": Preset(
        "Swap callbacks now and then",
        "A campaign's end may arrive before its start: the listener must go by content, not by order of arrival.",
        {"probability": "0.2", "kind": "callback-reorder"},
    ),
}


async def show_faults(call: ConsoleCall) -> Response:
    """`preset` names an example that fills the form."""
    preset = PRESETS.get(call.text("preset"))
    return await _page(call, preset.fields if preset else {"kind": "after"}, preset=preset)


async def add_rule(call: ConsoleCall) -> Response:
    fields = {name: call.field(name) for name in FIELDS}
    try:
        rule = call.emulator.features.rules.add(read_fault(fields))
    except (Invalid, Conflict) as error:
        return await _page(call, fields, str(error))
    call.audit.about("fault", str(rule.id))
    call.audit.describe(after=rule.document)
    return await call.go(PATH, f"Rule {rule.id} added.")


async def delete_rule(call: ConsoleCall) -> Response:
    rule_id = whole_number("rule", call.field("rule"), 1, MAX_COUNT)
    call.audit.about("fault", str(rule_id))
    call.audit.describe(call.emulator.features.rules.find(rule_id).document)
    call.emulator.features.rules.delete(rule_id)
    return await call.go(PATH, f"Rule {rule_id} deleted. Its activity is still listed.")


async def clear_rules(call: ConsoleCall) -> Response:
    call.audit.describe({"faults": len(call.emulator.features.rules)})
    call.emulator.features.rules.clear()
    return await call.go(PATH, "All rules and their activity deleted.")


def read_fault(fields: dict[str, str]) -> NewFault:
    """Returns the rule in the fields of the form. Raises Invalid."""
    match: dict[str, Any] = {name: fields[name] for name in TEXT_FIELDS if fields[name]}
    for name in (*COUNTS, "seed"):
        if fields[name]:
            match[name] = whole_number(name, fields[name], 0, MAX_COUNT)
    if fields["probability"]:
        match["probability"] = _probability(fields["probability"])
    kind = fields["kind"]
    if kind not in KINDS:
        raise Invalid("choose an effect")
    action: dict[str, Any] = dict(KINDS[kind][1])
    if kind == "status":
        action |= _custom_response(fields)
    for name in ("latencyMs", "byMs"):
        if fields[name]:
            action[name] = whole_number(name, fields[name], 0, MAX_COUNT)
    if kind == "latency" and not action:
        raise Invalid("latencyMs must say how long, in milliseconds")
    try:
        return msgspec.convert({"match": match, "action": action}, NewFault)
    except msgspec.ValidationError as error:
        raise Invalid(str(error).replace("`$.match.", "`").replace("`$.action.", "`")) from error


def _probability(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"probability must be a number from 0 to 1, not {text[:40]!r}") from error


def _custom_response(fields: dict[str, str]) -> dict[str, Any]:
    """Status, body and headers. A body that is not JSON is sent as text."""
    response: dict[str, Any] = {"status": whole_number("status", fields["status"], 200, 599)}
    body = fields["body"]
    if len(body) > MAX_BODY_CHARACTERS:
        raise Invalid(f"body may have at most {MAX_BODY_CHARACTERS} characters")
    if body:
        try:
            response["body"] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            response["body"] = body
    lines = [line for line in fields["headers"].splitlines() if line.strip()]
    if any(":" not in line for line in lines):
        raise Invalid("headers must be lines of name and value, as in Retry-After: 2")
    if lines:
        pairs = (line.split(":", 1) for line in lines)
        response["headers"] = {name.strip(): value.strip() for name, value in pairs}
    return response


async def _page(call: ConsoleCall, form: dict[str, str], wrong: str = "", preset: Preset | None = None) -> Response:
    rules = call.emulator.features.rules
    return await call.page(
        "emulator/faults.html",
        "Faults",
        400 if wrong else 200,
        rules=[_row(rule) for rule in rules.rules()],
        hits=rules.latest_hits(SHOWN_HITS),
        form={name: form.get(name, "") for name in FIELDS},
        wrong=wrong,
        kinds=KINDS,
        presets=PRESETS,
        preset=preset,
        max_rules=MAX_RULES,
        shown=SHOWN_HITS,
    )


def _row(rule: FaultRule) -> dict[str, Any]:
    return {
        "rule": rule,
        "match": describe_match(rule.match, rule.action.callback is not None),
        "effect": describe_action(rule.action),
        "json": json.dumps(rule.document, indent=2, ensure_ascii=False),
    }


PAGES = (
    ConsolePage("GET", "/emulator/faults", show_faults, emulator_only=True),
    ConsolePage("POST", "/emulator/faults", add_rule, action="createFault", emulator_only=True),
    ConsolePage("POST", "/emulator/faults/delete", delete_rule, action="deleteFault", emulator_only=True),
    ConsolePage("POST", "/emulator/faults/clear", clear_rules, action="deleteFaults", emulator_only=True),
)
