"""The page of the emulator's faults: the rules, what they did, and a form for a new one that begins with an example."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, whole_number
from fotapool.console.emulator.fault_labels import describe_action, describe_match
from fotapool.domain.errors import Conflict, Invalid
from fotapool.emulator.fault_schemas import MAX_COUNT, NewFault, add_fault, given_words
from fotapool.emulator.faults import MAX_HITS, MAX_RULES, FaultHit, Rules
from fotapool.emulator.rules import Rule

PATH = "/console/emulator/faults"
SHOWN_HITS = 100
MAX_BODY_CHARACTERS = 64_000

KINDS = {
    "after": ("The connection is lost after the change", {"drop": "after"}),
    "before": ("The connection is lost before the change", {"drop": "before"}),
    "status": ("Another answer", {}),
    "latency": ("It takes longer", {}),
    "bearer": ("The bearer token has expired", {"expireToken": "bearer"}),
    "session": ("The session token has expired", {"expireToken": "session"}),
    "callback-drop": ("A callback is lost", {"callback": "drop"}),
    "callback-duplicate": ("A callback comes twice", {"callback": "duplicate"}),
    "callback-reorder": ("A callback comes after the next one", {"callback": "reorder"}),
    "callback-delay": ("A callback comes late", {"callback": "delay"}),
}
"""What can happen: its words, and the members of `action` that say it."""

COUNTS = ("nth", "every", "times")
FIELDS = (
    "path",
    "method",
    "account",
    "deviceId",
    *COUNTS,
    "probability",
    "seed",
    "kind",
    "status",
    "body",
    "headers",
    "latencyMs",
    "byMs",
)


@dataclass(frozen=True, slots=True)
class Preset:
    """An example that fills the form: what it is called, what it teaches, and the fields."""

    words: str
    lesson: str
    fields: dict[str, str]


PRESETS = {
    "lost-answer": Preset(
        "Lose the answer of the next assign",
        "The licenses are assigned, but the client never hears of it. It has to ask again, and must not count twice.",
        {"path": "/fota/v3/licenses/*/assign", "nth": "1", "kind": "after"},
    ),
    "rate-limit": Preset(
        "Refuse every tenth call with 429",
        "The gateway's rate limit: a client has to wait as Retry-After says, and go on where it was.",
        {
            "path": "/fota",
            "every": "10",
            "kind": "status",
            "status": "429",
            "headers": "Retry-After: 2",
            "body": '{"errorCode": "LIMIT", "errorMessage": "Too many requests"}',
        },
    ),
    "unsteady": Preset(
        "One call in five is slow",
        "A slow and unsteady network, the same in each run: timeouts of the client are tried out.",
        {"probability": "0.2", "seed": "7", "kind": "latency", "latencyMs": "1500"},
    ),
    "expired": Preset(
        "End the bearer token at the 50th call",
        "Tokens end in the middle of long jobs: the client has to get another one and repeat the call.",
        {"path": "/fota", "nth": "50", "kind": "bearer"},
    ),
    "twice": Preset(
        "Send a third of the callbacks twice",
        "Callbacks come at least once: the listener has to know one that it has had by its webhook-id.",
        {"probability": "0.3", "kind": "callback-duplicate"},
    ),
    "out-of-order": Preset(
        "Swap callbacks now and then",
        "An end may come before its beginning: the listener goes by what a message says, not by when it comes.",
        {"probability": "0.2", "kind": "callback-reorder"},
    ),
}


async def show_faults(call: ConsoleCall) -> Response:
    """`preset` names an example that the form begins with."""
    preset = PRESETS.get(call.text("preset"))
    return await _page(call, preset.fields if preset else {"kind": "after"}, preset=preset)


async def add_rule(call: ConsoleCall) -> Response:
    fields = {name: call.field(name) for name in FIELDS}
    try:
        rule = add_fault(call.emulator.tools.rules, read_fault(fields))
    except (Invalid, Conflict) as error:
        return await _page(call, fields, str(error))
    return await call.go(PATH, f"Rule {rule.id} holds from now on.")


async def delete_rule(call: ConsoleCall) -> Response:
    rule_id = whole_number("rule", call.field("rule"), 1, MAX_COUNT)
    call.emulator.tools.rules.delete(rule_id)
    return await call.go(PATH, f"Rule {rule_id} is gone; what it did stays on record.")


async def clear_rules(call: ConsoleCall) -> Response:
    call.emulator.tools.rules.clear()
    return await call.go(PATH, "All rules are gone, and the record of what they did.")


def read_fault(fields: dict[str, str]) -> NewFault:
    """The rule that the form's fields ask for. Raises Invalid that says what is wrong."""
    match: dict[str, Any] = {name: fields[name] for name in ("path", "method", "account", "deviceId") if fields[name]}
    for name in (*COUNTS, "seed"):
        if fields[name]:
            match[name] = whole_number(name, fields[name], 0, MAX_COUNT)
    if fields["probability"]:
        match["probability"] = _share(fields["probability"])
    kind = fields["kind"]
    if kind not in KINDS:
        raise Invalid("say what is to happen")
    action: dict[str, Any] = dict(KINDS[kind][1])
    if kind == "status":
        action |= _answer(fields)
    for name in ("latencyMs", "byMs"):
        if fields[name]:
            action[name] = whole_number(name, fields[name], 0, MAX_COUNT)
    if kind == "latency" and not action:
        raise Invalid("latencyMs must say how long, in milliseconds")
    try:
        return msgspec.convert({"match": match, "action": action}, NewFault)
    except msgspec.ValidationError as error:
        raise Invalid(str(error).replace("`$.match.", "`").replace("`$.action.", "`")) from error


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"probability must be a number from 0 to 1, not {text[:40]!r}") from error


def _answer(fields: dict[str, str]) -> dict[str, Any]:
    """Status, body and headers. A body that is JSON is sent as JSON, any other as it is."""
    answer: dict[str, Any] = {"status": whole_number("status", fields["status"], 200, 599)}
    body = fields["body"]
    if len(body) > MAX_BODY_CHARACTERS:
        raise Invalid(f"body may have {MAX_BODY_CHARACTERS} characters")
    if body:
        try:
            answer["body"] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            answer["body"] = body
    lines = [line for line in fields["headers"].splitlines() if line.strip()]
    if any(":" not in line for line in lines):
        raise Invalid("headers must be lines of name and value, as in Retry-After: 2")
    if lines:
        pairs = (line.split(":", 1) for line in lines)
        answer["headers"] = {name.strip(): value.strip() for name, value in pairs}
    return answer


async def _page(call: ConsoleCall, form: dict[str, str], wrong: str = "", preset: Preset | None = None) -> Response:
    rules = call.emulator.tools.rules
    return await call.page(
        "emulator/faults.html",
        "Faults",
        400 if wrong else 200,
        rules=[_row(rule) for rule in rules.rules()],
        hits=_last_firings(rules),
        form={name: form.get(name, "") for name in FIELDS},
        wrong=wrong,
        kinds=KINDS,
        presets=PRESETS,
        preset=preset,
        max_rules=MAX_RULES,
        shown=SHOWN_HITS,
    )


def _last_firings(rules: Rules) -> list[FaultHit]:
    return rules.hits(0, MAX_HITS)[-SHOWN_HITS:][::-1]


def _row(rule: Rule) -> dict[str, Any]:
    match, action = given_words(rule)
    document = {"match": match, "action": action} if match else {"action": action}
    return {
        "id": rule.id,
        "matched": rule.matched,
        "fired": rule.fired,
        "about": describe_match(match, "callback" in action),
        "does": describe_action(action),
        "json": json.dumps(document, indent=2, ensure_ascii=False),
    }


PAGES = (
    ConsolePage("GET", "/emulator/faults", show_faults, emulator_only=True),
    ConsolePage("POST", "/emulator/faults", add_rule, emulator_only=True),
    ConsolePage("POST", "/emulator/faults/delete", delete_rule, emulator_only=True),
    ConsolePage("POST", "/emulator/faults/clear", clear_rules, emulator_only=True),
)
