"""docs/reference/operations.md: path, method, body, answer and errors of every operation, from their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from fotapool.api.common.errors import MESSAGES
from fotapool.api.common.operations import Operation as VersionOperation
from fotapool.api.m2m import routes as m2m
from fotapool.api.openapi.versions import VERSIONS
from fotapool.app import build_openapi_document
from fotapool.device.operations import BASE as DEVICE_BASE
from fotapool.device.operations import OPERATIONS as DEVICE_OPERATIONS
from fotapool.domain.errors import ErrorCode
from fotapool.operator_api.calls import BASE as OPERATOR_BASE
from fotapool.operator_api.routes import EMULATOR_OPERATIONS, OPERATIONS
from fotapool.web.operations import Operation
from generated.error_codes import error_codes, message
from generated.tables import code, codes, prose, shape, table

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


def version(module: ModuleType) -> str:
    return module.BASE.rsplit("/", 1)[-1]


def _messages(module: ModuleType, found: Iterable[ErrorCode]) -> str:
    section = "errors-of-apifota" if module in VERSIONS else "sign-in"
    return ", ".join(f"[{message(error, module)}](errors.md#{section})" for error in found)


def in_order(module: ModuleType) -> list[VersionOperation]:
    """The version's operations by their numbers."""
    return sorted(module.OPERATIONS, key=lambda operation: int(operation.id.rpartition("-")[2]))


def _versions(module: ModuleType) -> Callable[[], str]:
    def section() -> str:
        return "\n\n".join(_operation(module, operation) for operation in in_order(module))

    return section


def _operation(module: ModuleType, operation: VersionOperation) -> str:
    lines = [f"#### {operation.id} {operation.summary}", ""]
    lines += [f"- {code(f'{method} {module.BASE}{path}')}" for method, path in operation.calls]
    if operation.query:
        lines.append(f"- {_query(operation)}")
    if operation.request is not None:
        takes = "Takes" if operation.upload_reader is None else "Takes a form, `multipart/form-data`"
        lines += ["", f"{takes}:", "", f"```text\n{shape(operation.request)}\n```"]
    lines += ["", "Answers:", "", f"```text\n{shape(operation.response)}\n```"]
    own = error_codes(operation)
    if own:
        lines += ["", f"Refused with: {_messages(module, own)}."]
    if operation.notes:
        lines += ["", f"Note: {operation.notes}"]
    return "\n".join(lines)


def _query(operation: VersionOperation) -> str:
    if "{index}" in "".join(operation.paths):
        return f"where the path has no index: query {codes(operation.query)}, 0 if it is left out"
    return f"query {codes(operation.query, ', ')}"


def every_call() -> str:
    """The error codes of every call of the three versions."""
    rows = [
        [
            code(MESSAGES[error].format(detail="NAME")) if error in MESSAGES else "gateway fault",
            error.value,
        ]
        for error in _EVERY_CALL
    ]
    return table(["Message", "Why"], rows)


def signin() -> str:
    """The sign-in operations, from the OpenAPI document."""
    rows = []
    for path, methods in build_openapi_document(False)["paths"].items():
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
    """The operations of the device API."""
    return table(
        ["Path", "What it does"],
        [
            [code(f"{operation.method} {DEVICE_BASE}{operation.path}"), operation.summary]
            for operation in DEVICE_OPERATIONS
        ],
    )


def _operator_api(operations: Iterable[Operation]) -> str:
    return "\n\n".join(_operator_operation(operation) for operation in operations)


def _operator_operation(operation: Operation) -> str:
    lines = [f"### {operation.summary}", "", f"- {code(f'{operation.method} {OPERATOR_BASE}{operation.path}')}"]
    shown = (one for one in operation.parameters if one.location != "path")
    lines += [f"- {one.location} {code(one.name)}: {one.description}" for one in shown]
    if operation.role is not None:
        lines.append(f"- needs the role {code(operation.role.value)}")
    if operation.request is not None:
        lines += ["", "Takes:", "", f"```text\n{shape(operation.request)}\n```"]
    if operation.response is None:
        lines += ["", f"Answers {operation.success_status}, without a body."]
    else:
        text = prose(operation.response.__doc__ or "")
        own = text if text and not text.startswith(operation.response.__name__) else ""
        lines += [
            "",
            f"Answers {operation.success_status}{': ' + own if own else ':'}",
            "",
            f"```text\n{shape(operation.response)}\n```",
        ]
    return "\n".join(lines)


SECTIONS: dict[str, Callable[[], str]] = {
    "signin": signin,
    "every-call": every_call,
    **{f"operations-{version(one)}": _versions(one) for one in VERSIONS},
    "operations-m2m": _versions(m2m),
    "operator-api": lambda: _operator_api(OPERATIONS),
    "devices": devices,
    "emulator": lambda: _operator_api(EMULATOR_OPERATIONS),
}
