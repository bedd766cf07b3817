"""docs/operations.md: every path, method, request, answer and error, from the tables of operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from fotapool.api.common.errors import MESSAGES
from fotapool.api.common.operations import Operation
from fotapool.core.clock import MovableClock
from fotapool.device.operations import BASE as DEVICE_BASE
from fotapool.device.operations import OPERATIONS as DEVICE_OPERATIONS
from fotapool.domain.errors import ErrorCode
from fotapool.emulator.exchanges import Exchanges
from fotapool.emulator.faults import Rules
from fotapool.emulator.inspector import HintFinder
from fotapool.openapi.document import DIALECTS, openapi_document
from fotapool.operator_api.accounts.copies import OPERATIONS as COPY_OPERATIONS
from fotapool.operator_api.emulator.clock import ClockControl
from fotapool.operator_api.emulator.faults import FaultControl
from fotapool.operator_api.emulator.requests import InspectorControl
from fotapool.operator_api.emulator.snapshots import SnapshotControl
from fotapool.operator_api.requests import OperatorOperation
from fotapool.operator_api.routes import BASE as CONTROL_BASE
from fotapool.operator_api.routes import OPERATIONS as CONTROL_OPERATIONS
from fotapool.services.snapshots.seed_documents import SeedDocument
from fotapool.services.snapshots.seeds import Seed
from generated.refusals import message, refusals
from generated.tables import code, codes, prose, shape, table


async def _no_account(_: str) -> bool:
    return False


EMULATOR_OPERATIONS = (
    *ClockControl(MovableClock(), lambda: None).operations(),
    *SnapshotControl(lambda: None, lambda: Seed(SeedDocument(), {})).operations(),
    *COPY_OPERATIONS,
    *FaultControl(Rules(MovableClock().now_ms)).operations(),
    *InspectorControl(Exchanges(0), HintFinder(_no_account, ())).operations(),
)
_EVERY_CALL = (
    ErrorCode.BEARER_MISSING,
    ErrorCode.BEARER_INVALID,
    ErrorCode.SESSION_MISSING,
    ErrorCode.SESSION_INVALID,
    ErrorCode.SESSION_EXPIRED,
    ErrorCode.ACCOUNT_NAME_INVALID,
    ErrorCode.ACCOUNT_NOT_FOUND,
    ErrorCode.ACCOUNT_INACTIVE,
    ErrorCode.BUSY,
    ErrorCode.STORE_UNAVAILABLE,
    ErrorCode.INTERNAL,
)


def version(dialect: ModuleType) -> str:
    return dialect.BASE.rsplit("/", 1)[-1]


def _messages(dialect: ModuleType, found: Iterable[ErrorCode]) -> str:
    return ", ".join(f"[{message(refusal, dialect)}](errors.md#refusals-of-apifota)" for refusal in found)


def in_order(dialect: ModuleType) -> list[Operation]:
    """The version's operations by their numbers."""
    return sorted(dialect.OPERATIONS, key=lambda operation: int(operation.id.rpartition("-")[2]))


def _versions(dialect: ModuleType) -> Callable[[], str]:
    def section() -> str:
        return "\n\n".join(_operation(dialect, operation) for operation in in_order(dialect))

    return section


def _operation(dialect: ModuleType, operation: Operation) -> str:
    lines = [f"#### {operation.id} {operation.summary}", ""]
    lines += [f"- {code(f'{operation.method} {dialect.BASE}{path}')}" for path in operation.paths]
    if operation.query:
        lines.append(f"- {_query(operation)}")
    if operation.request is not None:
        takes = "Takes" if operation.takes is None else "Takes a form, `multipart/form-data`"
        lines += ["", f"{takes}:", "", f"```text\n{shape(operation.request)}\n```"]
    lines += ["", "Answers:", "", f"```text\n{shape(operation.response)}\n```"]
    own = refusals(operation)
    if own:
        lines += ["", f"Refused with: {_messages(dialect, own)}."]
    if operation.notes:
        lines += ["", f"Note: {operation.notes}"]
    return "\n".join(lines)


def _query(operation: Operation) -> str:
    if "{index}" in "".join(operation.paths):
        return f"where the path has no index: query {codes(operation.query)}, 0 if it is left out"
    return f"query {codes(operation.query, ', ')}"


def every_call() -> str:
    """What every call of the three versions can be refused for."""
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


def devices() -> str:
    """The devices' operations."""
    return table(
        ["Path", "What it does"],
        [
            [code(f"{operation.method} {DEVICE_BASE}{operation.path}"), operation.summary]
            for operation in DEVICE_OPERATIONS
        ],
    )


def _control(operations: Iterable[OperatorOperation]) -> str:
    return "\n\n".join(_control_operation(operation) for operation in operations)


def _control_operation(operation: OperatorOperation) -> str:
    lines = [f"### {operation.summary}", "", f"- {code(f'{operation.method} {CONTROL_BASE}{operation.path}')}"]
    lines += [f"- query {code(name)}: {words}" for name, words in operation.query]
    if operation.role is not None:
        lines.append(f"- needs the role {code(operation.role.value)}")
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
    **{f"operations-{version(dialect)}": _versions(dialect) for dialect in DIALECTS},
    "control": lambda: _control(CONTROL_OPERATIONS),
    "devices": devices,
    "emulator": lambda: _control(EMULATOR_OPERATIONS),
}
