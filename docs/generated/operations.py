"""docs/operations.md: every path, method, request, answer and error, from the tables of operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from fotapool.clock import MovableClock
from fotapool.control.emulator import EmulatorControl
from fotapool.control.requests import ControlOperation
from fotapool.control.routes import BASE as CONTROL_BASE
from fotapool.control.routes import OPERATIONS as CONTROL_OPERATIONS
from fotapool.domain.errors import Refusal
from fotapool.openapi import DIALECTS, openapi_document
from fotapool.usecases.documents import SeedDocument
from fotapool.usecases.seeds import Seed
from fotapool.wire.common.bodies import CandidatesBody
from fotapool.wire.common.errors import MESSAGES
from fotapool.wire.common.operations import Operation
from generated.tables import code, codes, prose, shape, table

EMULATOR_OPERATIONS = EmulatorControl(MovableClock(), lambda: Seed(SeedDocument(), {})).operations()
_EVERY_CALL = (
    Refusal.BEARER_MISSING, Refusal.BEARER_INVALID, Refusal.SESSION_MISSING, Refusal.SESSION_INVALID,
    Refusal.SESSION_EXPIRED, Refusal.ACCOUNT_NAME_INVALID, Refusal.ACCOUNT_NOT_FOUND, Refusal.ACCOUNT_INACTIVE,
    Refusal.BUSY, Refusal.STORE_UNAVAILABLE, Refusal.INTERNAL,
)  # fmt: skip


def version(dialect: ModuleType) -> str:
    return dialect.BASE.rsplit("/", 1)[-1]


def refusals(operation: Operation) -> list[Refusal]:
    """What an operation is refused for besides the tokens, the account and the database, in order of precedence."""
    found: set[Refusal] = set()
    if operation.request is not None:
        found |= {
            Refusal.BODY_TOO_LARGE, Refusal.BODY_INVALID, Refusal.DEVICE_LIST_EMPTY, Refusal.DEVICE_LIST_TOO_LONG,
            Refusal.DEVICE_ID_INVALID,
        }  # fmt: skip
    if operation.request is CandidatesBody:
        found.add(Refusal.TYPE_INVALID)
    if "lastSeenDeviceId" in operation.query:
        found |= {Refusal.INDEX_INVALID, Refusal.DEVICE_ID_INVALID, Refusal.CURSOR_UNKNOWN}
    if "startIndex" in operation.query:
        found |= {Refusal.INDEX_INVALID, Refusal.INDEX_TOO_HIGH}
    return [refusal for refusal in Refusal if refusal in found]


def _messages(found: Iterable[Refusal]) -> str:
    return ", ".join(f"[{MESSAGES[refusal]}](errors.md#refusals-of-apifota)" for refusal in found)


def _licenses(dialect: ModuleType) -> Callable[[], str]:
    def section() -> str:
        return "\n\n".join(_license_operation(dialect, op) for op in sorted(dialect.OPERATIONS, key=lambda op: op.id))

    return section


def _license_operation(dialect: ModuleType, operation: Operation) -> str:
    lines = [f"#### {operation.id} {operation.summary}", ""]
    lines += [f"- {code(f'{operation.method} {dialect.BASE}{path}')}" for path in operation.paths]
    if operation.query:
        lines.append(f"- where the path has no index: query {codes(operation.query)}, 0 if it is left out")
    if operation.request is not None:
        lines += ["", "Takes:", "", f"```text\n{shape(operation.request)}\n```"]
    lines += ["", "Answers:", "", f"```text\n{shape(operation.response)}\n```"]
    own = refusals(operation)
    if own:
        lines += ["", f"Refused with: {_messages(own)}."]
    if operation.notes:
        lines += ["", f"Note: {operation.notes}"]
    return "\n".join(lines)


def every_call() -> str:
    """What every license call can be refused for."""
    rows = [
        [code(MESSAGES[refusal].format(detail="NAME")) if refusal in MESSAGES else "gateway fault", refusal.value]
        for refusal in _EVERY_CALL
    ]
    return table(["Message", "Why"], rows)


def signin() -> str:
    """The sign-in operations, from the OpenAPI document."""
    rows = []
    for path, methods in openapi_document(())["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] == ["Sign-in"]:
                needs = " and ".join(name for part in operation["security"] for name in part)
                rows.append([code(f"{method.upper()} {path}"), operation["summary"], needs, _takes(operation)])
    return table(["Path", "What it does", "Needs", "Takes"], rows)


def _takes(operation: dict[str, object]) -> str:
    body = operation.get("requestBody")
    if not isinstance(body, dict):
        return "nothing"
    ((media_type, content),) = body["content"].items()
    if media_type.endswith("urlencoded"):
        return "form: " + codes(content["schema"]["properties"], ", ")
    return (
        "JSON: "
        + {"LoginBody": "`username`, `password`", "ResetBody": "`oldPassword`"}[
            content["schema"]["$ref"].rsplit("/", 1)[-1]
        ]
    )


def _control(operations: Iterable[ControlOperation]) -> str:
    return "\n\n".join(_control_operation(operation) for operation in operations)


def _control_operation(operation: ControlOperation) -> str:
    lines = [f"### {operation.summary}", "", f"- {code(f'{operation.method} {CONTROL_BASE}{operation.path}')}"]
    lines += [f"- query {code(name)}: {words}" for name, words in operation.query]
    if operation.request is not None:
        lines += ["", "Takes:", "", f"```text\n{shape(operation.request)}\n```"]
    if operation.response is None:
        lines += ["", f"Answers {operation.status}, without a body."]
    else:
        words = prose(operation.response.__doc__ or "")
        own = words if words and not words.startswith(operation.response.__name__) else ""
        lines += [
            "",
            f"Answers {operation.status}{': ' + own if own else ':'}",
            "",
            f"```text\n{shape(operation.response)}\n```",
        ]
    return "\n".join(lines)


SECTIONS: dict[str, Callable[[], str]] = {
    "signin": signin,
    "every-call": every_call,
    **{f"licenses-{version(dialect)}": _licenses(dialect) for dialect in DIALECTS},
    "control": lambda: _control(CONTROL_OPERATIONS),
    "emulator": lambda: _control(EMULATOR_OPERATIONS),
}
