"""docs/errors.md: every error code with its message in each API, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fotapool.api.auth.sessions import _CODES, session_error
from fotapool.api.common.errors import (
    AUTH_ERRORS,
    BEARER_ERRORS,
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
from fotapool.web.http import ApiResponse
from fotapool.web.problems import TITLES
from generated.tables import code, table

RETRY_AFTER_S = 2
EXAMPLE = {ErrorCode.ACCOUNT_NOT_FOUND: "NAME"}

WHAT_TO_DO: dict[ErrorCode, str] = {
    ErrorCode.BEARER_MISSING: "Send `Authorization: Bearer TOKEN`; get a token from `POST /api/ts/v1/oauth2/token`.",
    ErrorCode.BEARER_INVALID: "Get a new token. It lives an hour from its first issue; a revoked one never comes back.",
    ErrorCode.SESSION_MISSING: "Send `VZ-M2M-Token: TOKEN`; get one from `POST /api/m2m/v1/session/login`.",
    ErrorCode.SESSION_INVALID: "Log in again. The token was never issued here, was logged out, or ended over a day"
    " ago.",
    ErrorCode.SESSION_EXPIRED: "Log in again. A session ends after 20 minutes without a request.",
    ErrorCode.LOGIN_REFUSED: "Check user name and password. After 5 failures in a row the user is locked, and only an"
    " operator unlocks it: `POST /control/v1/users/{username}/unlock`.",
    ErrorCode.ACCOUNT_NAME_INVALID: "A name is 1 to 64 letters, digits, `-`, `_` and `.`, as in `0242078689-00001`.",
    ErrorCode.ACCOUNT_NOT_FOUND: "Check the name, with its leading zeros, and that the user may use the account."
    " The two cases are answered alike on purpose.",
    ErrorCode.ACCOUNT_INACTIVE: "Ask the operator: the account is suspended. `PUT /control/v1/accounts/{name}/status`.",
    ErrorCode.BODY_TOO_LARGE: "Send fewer devices in one request; a body may have 4 MiB.",
    ErrorCode.BODY_INVALID: 'Send a JSON object, as in `{"deviceList": ["990003425730535"]}`.',
    ErrorCode.TYPE_INVALID: "Candidates: leave `type` out to replace the list, or send `append`. Devices of a campaign:"
    " send `append` or `remove`.",
    ErrorCode.DEVICE_LIST_EMPTY: "Send `deviceList` with at least one IMEI. The member is not called `devceList`.",
    ErrorCode.DEVICE_LIST_TOO_LONG: "Send at most as many devices as `--max-devices-per-request` says (10,000). A"
    " candidate list holds 100,000 in all.",
    ErrorCode.DEVICE_ID_INVALID: "IMEIs are strings of exactly 15 digits. `invalidDevices` has the first 100 that are"
    " not. Nothing was done.",
    ErrorCode.CAMPAIGN_ID_INVALID: "Send the id as the answer to scheduling had it: a UUID.",
    ErrorCode.PACKAGE_UNKNOWN: "Take a name from the list of firmware (v1, v3) or software (v2), and leave the versions"
    " out or send the package's own. The operator makes packages: `POST /control/v1/firmware`.",
    ErrorCode.FILE_UNKNOWN: "Send `fileName` and `fileVersion` as the list of files has them.",
    ErrorCode.PROTOCOL_INVALID: "Send `LWM2M`, `OMADM` (`OMA-DM`, `OMD-DM`) or `HTTP`, as the operation takes them, and"
    " for a campaign the package's own protocol.",
    ErrorCode.START_DATE_INVALID: "Send a date as `2026-12-01`, today (UTC) or later, at most five years ahead.",
    ErrorCode.END_DATE_INVALID: "Send a date as `2026-12-01`, not before the start, at most 366 days after it. While"
    " the"
    " campaign runs, it must lie 24 hours ahead.",
    ErrorCode.WINDOW_INVALID: "A window is from an hour 0 to 23 to a later hour, up to 24, in UTC; 24 windows at most."
    " Dates of windows lie within the campaign, and nothing is installed before it may be downloaded.",
    ErrorCode.STATUS_INVALID: "Send one of the words that a campaign's `status` can have in this version:"
    " [campaigns](campaigns.md#from-acceptance-to-the-end).",
    ErrorCode.PILOT_TOO_LARGE: "Try the package on 20 devices first, or have the operator lift the rule with `proven`:"
    " [the pilot rule](campaigns.md#which-devices-are-accepted).",
    ErrorCode.CAMPAIGN_UNKNOWN: "Check the id and the account: another account's campaign is answered in the same way.",
    ErrorCode.CAMPAIGN_STARTED: "Nothing can be done: in v1 and v3 it runs to its end. Only v2 can abort it.",
    ErrorCode.DEVICES_FIXED: "Schedule a further campaign for these devices:"
    " [what may be changed](campaigns.md#what-may-be-changed).",
    ErrorCode.DATES_FIXED: "While a campaign runs only its end can be moved, and an ended one is not changed:"
    " [what may be changed](campaigns.md#what-may-be-changed).",
    ErrorCode.URL_INVALID: "Send one absolute `https` URL with a public address, without user name:"
    " [callbacks](callbacks.md#register). The emulator takes `http` and localhost too.",
    ErrorCode.SERVICE_INVALID: "The only service is `Fota`.",
    ErrorCode.FILE_INVALID: "Send `multipart/form-data` with `fileupload`, `fileVersion`, `make`, `model` and"
    " `localTargetPath`; texts have up to 200 printable characters, an account has 10,000 files:"
    " [files](files.md#configuration-files).",
    ErrorCode.FILE_TOO_LARGE: "A file may have 64 MiB.",
    ErrorCode.FILE_EXISTS: "Upload it with another `fileVersion`: what was uploaded is not replaced.",
    ErrorCode.LOGGING_LIMIT: "Turn logging off for other devices first, or wait: it ends after seven days.",
    ErrorCode.DEVICE_UNKNOWN: "Check the IMEI, and that the operator has imported the device into this account.",
    ErrorCode.INDEX_INVALID: "The index is a whole number; begin with 0.",
    ErrorCode.INDEX_TOO_HIGH: "The list is shorter than that: begin with 0. `count` says how long a candidate list is.",
    ErrorCode.CURSOR_UNKNOWN: "Begin with 0 and go on with `lastSeenDeviceId` of the page before: the index is an"
    " IMEI of"
    " the account, not a record number.",
    ErrorCode.BUSY: "Try again after the seconds in `Retry-After`; nothing was done.",
    ErrorCode.STORE_UNAVAILABLE: "Try again after the seconds in `Retry-After`; nothing was done. The operator sees why"
    " in `/health/ready` and in the log.",
    ErrorCode.INTERNAL: "This is a bug. Report it with the `X-Request-Id` of the answer and the server's log.",
}
SESSION_ADVICE = {
    ErrorCode.BODY_TOO_LARGE: "A body of sign-in may have 64 KiB.",
    ErrorCode.BODY_INVALID: 'Send `{"username": …, "password": …}` to log in, `{"oldPassword": …}` to reset it.',
}
OUTCOMES: dict[Outcome, str] = {
    Outcome.ASSIGNED: "Nothing to do.",
    Outcome.PREEXISTING: "Nothing to do: it is a success, and no second license was taken. So assign can be sent again"
    " after a lost answer.",
    Outcome.NO_FREE_LICENSE: "Remove licenses elsewhere, or have the subscription raised. Earlier rows of the same"
    " request may have taken the last ones.",
    Outcome.DEVICE_NOT_FOUND: "Have the operator import the device into this account.",
    Outcome.REMOVED: "Nothing to do; the license is free again, and a scheduled upgrade of the device was canceled.",
    Outcome.NO_LICENSE: "Nothing to do: the device holds none, perhaps because an earlier row removed it.",
    Outcome.USED_BY_UPGRADE: "The license stays until a reduction takes it. Put the device on the candidate list.",
    Outcome.UPGRADE_IN_PROGRESS: "Wait for the upgrade to end. If it completes, the license is used and stays.",
    Outcome.UNDER_NOTICE: "Nothing to do: the license goes by itself when its notice ends.",
}
PROBLEMS = {
    400: "`detail` says what is malformed and what would be right.",
    401: "Send `Authorization: Bearer OPERATOR_KEY`.",
    403: "Use the key of an operator with the role that `detail` names: [operators](operating.md#operators-and-roles).",
    404: "`detail` names what does not exist.",
    405: "The header `Allow` has the methods that there are.",
    409: "`detail` says why the state does not allow it.",
    413: "Send a smaller body; imports are streamed and have no limit but that of a line.",
    415: "Send one of the media types that `detail` names.",
    416: "Ask for a range within the length that `Content-Range` names.",
    500: "A bug: report it with `X-Request-Id` and the log.",
    503: "Try again after the seconds in `Retry-After`; nothing was done.",
}


def _code_and_message(answer: ApiResponse) -> tuple[str, str]:
    """Code and message of an answer, whichever shape it has."""
    body = msgspec.json.decode(answer.body)
    fault = body.get("fault")
    return (f"fault {fault['code']}", fault["message"]) if fault else (body["errorCode"], body["errorMessage"])


def _row(error: ErrorCode, answer: ApiResponse, advice: str | None = None) -> list[str]:
    found, message = _code_and_message(answer)
    return [str(answer.status), code(found), code(message), error.value, advice or WHAT_TO_DO[error]]


def _service_row(error: ErrorCode) -> list[str]:
    """With the messages of versions that have their own."""
    refused = RequestRejected(error, EXAMPLE.get(error, ""))
    row = _row(error, error_response(refused, "", RETRY_AFTER_S))
    for context, own in OWN_MESSAGES.items():
        if error in own:
            row[2] += f"<br>{context.rpartition('/')[2]}: {code(own[error])}"
    return row


def error_codes() -> str:
    """The error codes of /api/fota, in order of precedence."""
    rows = [
        _service_row(error)
        for error in ErrorCode
        if (error in MESSAGES or error in BEARER_ERRORS) and error is not ErrorCode.LOGIN_REFUSED
    ]
    return table(["HTTP", "errorCode", "errorMessage", "Cause", "What to do"], rows)


def sessions() -> str:
    rows = [
        _row(error, session_error(RequestRejected(error), RETRY_AFTER_S), SESSION_ADVICE.get(error))
        for error in ErrorCode
        if error in _CODES
    ]
    empty = _row(ErrorCode.BODY_INVALID, session_error(RequestRejected(ErrorCode.BODY_INVALID, "empty"), RETRY_AFTER_S))
    empty[3:] = ["the request body is empty", "Send the JSON object that the operation takes."]
    return table(["HTTP", "errorCode", "errorMessage", "Cause", "What to do"], [*rows, empty])


def gateway() -> str:
    context = VERSIONS[-1].API_CONTEXT
    rows = [_row(error, gateway_error(RequestRejected(error), context)) for error in sorted(BEARER_ERRORS, key=_order)]
    for answer, cause, advice in (
        (unknown_resource(context), "the API has no such path", "Check the path: docs/operations.md has them all."),
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
        [code(error_headers(RequestRejected(error))[0][1].decode()), WHAT_TO_DO[error]]
        for error in sorted(AUTH_ERRORS, key=_order)
    ]
    return table(["X-Fotapool-Auth", "What to do"], rows)


def outcomes() -> str:
    rows = [[code(LABELS[outcome][1]), outcome.value, OUTCOMES[outcome]] for outcome in Outcome]
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
