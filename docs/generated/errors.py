"""docs/reference/errors.md: every error code with its message in each API, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fotapool.api.common.connectivity_errors import CODES, EMPTY_BODY, connectivity_error
from fotapool.api.common.errors import (
    AUTH_ERRORS,
    GATEWAY_ERRORS,
    MESSAGES,
    OWN_MESSAGES,
    error_headers,
    error_response,
    gateway_error,
    method_not_allowed,
    unknown_resource,
)
from fotapool.api.openapi.versions import VERSIONS
from fotapool.api.v2.licenses import LABELS
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Outcome
from fotapool.emulator.advice import ADVICE, OUTCOME_ADVICE, SESSION_ADVICE
from fotapool.web.http import ApiResponse
from fotapool.web.problems import TITLES
from generated.tables import code, table

RETRY_AFTER_S = 2
EXAMPLE = {ErrorCode.ACCOUNT_NOT_FOUND: "NAME", ErrorCode.NOT_EMULATED: "The filter NAME"}

PROBLEMS = {
    400: "`detail` says what is malformed and what would be right.",
    401: "Send `Authorization: Bearer OPERATOR_KEY`.",
    403: "Use the key of an operator with the role that `detail` names: [operators](operating.md#operators-and-roles).",
    404: "`detail` names what does not exist.",
    405: "The header `Allow` has the methods that there are.",
    409: "`detail` says why the state does not allow it.",
    412: "The preview is outdated, and nothing was changed. `result` is the new one: confirm it, and send its mark.",
    413: "Send a smaller body; imports are streamed and have no limit but that of a line.",
    415: "Send one of the media types that `detail` names.",
    416: "Ask for a range within the length that `Content-Range` names.",
    429: "Too many wrong keys came from this address. Wait for the seconds in `Retry-After`.",
    500: "A bug: report it with `X-Request-Id` and the log.",
    503: "Try again after the seconds in `Retry-After`. Nothing was done, unless `detail` says that this is not known.",
}


def _code_and_message(answer: ApiResponse) -> tuple[str, str]:
    """Code and message of an answer, whichever shape it has."""
    body = msgspec.json.decode(answer.body)
    fault = body.get("fault")
    return (f"fault {fault['code']}", fault["message"]) if fault else (body["errorCode"], body["errorMessage"])


def _row(error: ErrorCode, answer: ApiResponse, advice: str | None = None) -> list[str]:
    found, message = _code_and_message(answer)
    return [str(answer.status), code(found), code(message), error.value, advice or ADVICE[error]]


def _example(error: ErrorCode) -> RequestRejected:
    return RequestRejected(error, EXAMPLE.get(error, ""))


def _service_row(error: ErrorCode) -> list[str]:
    """With the messages of versions that have their own."""
    row = _row(error, error_response(_example(error), "", RETRY_AFTER_S))
    for context, own in OWN_MESSAGES.items():
        if error in own:
            row[2] += f"<br>{context.rpartition('/')[2]}: {code(own[error])}"
    return row


def error_codes() -> str:
    """The error codes of /api/fota, in order of precedence."""
    rows = [
        _service_row(error)
        for error in ErrorCode
        if (error in MESSAGES or error in GATEWAY_ERRORS) and error is not ErrorCode.LOGIN_REFUSED
    ]
    return table(["HTTP", "errorCode", "errorMessage", "Cause", "What to do"], rows)


def sessions() -> str:
    rows = [
        _row(error, connectivity_error(_example(error), RETRY_AFTER_S), SESSION_ADVICE.get(error))
        for error in ErrorCode
        if error in CODES
    ]
    refused = RequestRejected(ErrorCode.BODY_INVALID, EMPTY_BODY)
    empty = _row(ErrorCode.BODY_INVALID, connectivity_error(refused, RETRY_AFTER_S))
    empty[3:] = ["the request body is empty", "Send the JSON object that the operation takes."]
    return table(["HTTP", "errorCode", "errorMessage", "Cause", "What to do"], [*rows, empty])


def gateway() -> str:
    context = VERSIONS[-1].API_CONTEXT
    rows = [_row(error, gateway_error(RequestRejected(error), context)) for error in sorted(GATEWAY_ERRORS, key=_order)]
    for answer, cause, advice in (
        (
            unknown_resource(context),
            "the API has no such path",
            "Check the path: docs/reference/operations.md has them all.",
        ),
        (method_not_allowed("GET"), "the path does not take this method", "The header `Allow` has those it takes."),
    ):
        rows.append([str(answer.status), *(code(text) for text in _code_and_message(answer)), cause, advice])
    rows.append(
        ["404", "XML fault `404`", "`Not Found`", "no API has such a path", "Paths begin with `/api/fota/v1` to `v3`."]
    )
    return table(["HTTP", "Code", "Message", "Cause", "What to do"], rows)


def _order(error: ErrorCode) -> int:
    return list(ErrorCode).index(error)


def auth_header() -> str:
    """The values of X-Fotapool-Auth."""
    rows = [
        [code(error_headers(RequestRejected(error))[0][1].decode()), ADVICE[error]]
        for error in sorted(AUTH_ERRORS, key=_order)
    ]
    return table(["X-Fotapool-Auth", "What to do"], rows)


def outcomes() -> str:
    rows = [[code(LABELS[outcome][1]), outcome.value, OUTCOME_ADVICE[outcome]] for outcome in Outcome]
    return table(["Reason", "What became of the device", "What to do"], rows)


def problems() -> str:
    return table(
        ["HTTP", "title", "What to do"], [[str(status), TITLES[status], PROBLEMS[status]] for status in TITLES]
    )


SECTIONS: dict[str, Callable[[], str]] = {
    "error-codes": error_codes,
    "sessions": sessions,
    "gateway": gateway,
    "auth-header": auth_header,
    "outcomes": outcomes,
    "problems": problems,
}
