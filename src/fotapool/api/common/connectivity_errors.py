"""Errors of the vendor's Connectivity Management API (`/api/m2m`), to which sessions belong.

The codes are those of the vendor's page "Synchronous Error Messages" and of its SDKs' tests, as far as they have them.
"""

from __future__ import annotations

from fotapool.api.common.errors import GATEWAY_ERRORS, ErrorBody, error_headers, gateway_error
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.web.http import ApiResponse, json_response

API_CONTEXT = "/m2m/v1"
SERVICE = "UnifiedWebService"
EMPTY_BODY = "the body is empty: send a JSON object"
"""The cause of BODY_INVALID that has a code of its own."""

CODES: dict[ErrorCode, tuple[int, str, str]] = {
    ErrorCode.SESSION_MISSING: (
        400,
        "REQUEST_FAILED.SessionToken.Format",
        "The session token is not present in the VZ-M2M-Token header.",
    ),
    ErrorCode.SESSION_INVALID: (400, "INPUT_INVALID.SessionToken.Invalid", "The session token is not valid."),
    ErrorCode.SESSION_EXPIRED: (400, "REQUEST_FAILED.SessionToken.Expired", "The Session has expired."),
    ErrorCode.LOGIN_REFUSED: (
        400,
        "INPUT_INVALID.Password.Invalid",
        "The user name or password is not valid, or the user is locked.",
    ),
    ErrorCode.ACCOUNT_NAME_INVALID: (
        400,
        "INPUT_INVALID.Account.NotDefined",
        "The account name is missing or is not valid.",
    ),
    ErrorCode.ACCOUNT_NOT_FOUND: (
        400,
        "REQUEST_FAILED.AccountNotFound",
        "The account does not exist, or the user has no access to it.",
    ),
    ErrorCode.ACCOUNT_INACTIVE: (400, "REQUEST_FAILED.AccountInactive", "The account is not active."),
    ErrorCode.NOT_EMULATED: (400, "REQUEST_FAILED.NotEmulated", "{detail} is not emulated here."),
    ErrorCode.DEVICE_ID_INVALID: (
        400,
        "INPUT_INVALID.Device.Identifier.Invalid",
        "The identifier of the device is not valid.",
    ),
    ErrorCode.URL_INVALID: (400, "INPUT_INVALID.Callback.Url.Invalid", "The callback URL is not valid."),
    ErrorCode.SERVICE_INVALID: (
        400,
        "INPUT_INVALID.Callback.ServiceName.Invalid",
        "The name of the callback service is not valid, or the account has too many services.",
    ),
    ErrorCode.IDEMPOTENCY_KEY_INVALID: (
        400,
        "INPUT_INVALID.IdempotencyKey.Format",
        "The Idempotency-Key is not 1 to 255 visible ASCII characters.",
    ),
    ErrorCode.IDEMPOTENCY_KEY_IN_USE: (
        409,
        "REQUEST_FAILED.IdempotencyKey.InUse",
        "A request with this Idempotency-Key is still being processed.",
    ),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (
        422,
        "INPUT_INVALID.IdempotencyKey.Reused",
        "The Idempotency-Key was used with another request.",
    ),
    ErrorCode.MEMBER_UNKNOWN: (
        400,
        "INPUT_INVALID.Request.UnknownMember",
        "The request has an unknown member.",
    ),
    ErrorCode.BODY_INVALID: (400, "DeserializationFailed", "The request body is not what the operation takes."),
    ErrorCode.BODY_TOO_LARGE: (413, "INPUT_INVALID.Request.TooLarge", "The request body exceeds the maximum size."),
    ErrorCode.ENCODING_UNSUPPORTED: (
        415,
        "INPUT_INVALID.Request.ContentEncoding",
        "The request body has an encoding that is not supported.",
    ),
    ErrorCode.BUSY: (503, "REQUEST_FAILED.UnexpectedError", "The service is temporarily unavailable."),
    ErrorCode.STORE_UNAVAILABLE: (503, "REQUEST_FAILED.UnexpectedError", "The service is temporarily unavailable."),
    ErrorCode.INTERNAL: (500, "REQUEST_FAILED.UnexpectedError", "Internal error."),
}
_EMPTY = ("INPUT_INVALID.RequestUndefined", "The request body is empty.")


def connectivity_error(error: RequestRejected, retry_after_s: int) -> ApiResponse:
    """The response of `/api/m2m` to a rejected request (codes of the vendor's Connectivity Management family)."""
    if error.code in GATEWAY_ERRORS:
        return gateway_error(error, API_CONTEXT, retry_after_s)
    status, code, message = CODES[error.code]
    if error.code is ErrorCode.BODY_INVALID and error.detail == EMPTY_BODY:
        code, message = _EMPTY
    body = ErrorBody(f"{SERVICE}.{code}", message.format(detail=error.detail))
    return json_response(body, status, error_headers(error, status, retry_after_s))
