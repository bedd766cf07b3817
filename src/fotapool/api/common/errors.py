"""Error responses: of the gateway, before a request reaches the service, and of the service itself.

The vendor's page "Error Messages" serves the three versions; messages that it lacks, for tokens and accounts, follow
the other `/api` services of the vendor (SDK tests, page "Synchronous Error Messages"); the last ones are our choice.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.types import Receive, Scope, Send

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.identity.rate_limits import USER
from fotapool.web.http import ApiResponse, Headers, json_response, send_response

INVALID_PARAMETER = "INVALID_PARAMETER"
AUTH_HEADER = b"x-fotapool-auth"
MAX_SHOWN = 40
"""How many characters of a malformed device id an error repeats."""


class ErrorBody(msgspec.Struct):
    """The body of every error of the service ("Failure Responses" of each page)."""

    errorCode: str
    errorMessage: str
    invalidDevices: list[str] | msgspec.UnsetType = msgspec.UNSET


class Fault(msgspec.Struct):
    """An error of the gateway (page "Synchronous Error Messages", "oAuth errors")."""

    code: str
    message: str
    description: str


class FaultBody(msgspec.Struct):
    fault: Fault


MESSAGES: dict[ErrorCode, str] = {
    ErrorCode.SESSION_MISSING: "UWS verification failure (Session token is missing.)",
    ErrorCode.SESSION_INVALID: "UWS verification failure (Session token is not valid.)",
    ErrorCode.SESSION_EXPIRED: "UWS verification failure (The Session has expired.)",
    ErrorCode.LOGIN_REFUSED: "UWS verification failure (Login refused.)",
    ErrorCode.ACCOUNT_NAME_INVALID: "Invalid account name format",
    ErrorCode.ACCOUNT_NOT_FOUND: "UWS verification failure (Could not find account {detail})",
    ErrorCode.ACCOUNT_INACTIVE: "Inactive account",
    ErrorCode.BODY_TOO_LARGE: "Request body exceeds maximum size",
    ErrorCode.ENCODING_UNSUPPORTED: "Unsupported content encoding",
    ErrorCode.IDEMPOTENCY_KEY_INVALID: "Invalid Idempotency-Key",
    ErrorCode.IDEMPOTENCY_KEY_IN_USE: "A request with this Idempotency-Key is still being processed",
    ErrorCode.MEMBER_UNKNOWN: "Unknown parameter",
    ErrorCode.BODY_INVALID: "Input binding error",
    ErrorCode.TYPE_INVALID: "Invalid type",
    ErrorCode.DEVICE_LIST_EMPTY: "Device list is empty",
    ErrorCode.DEVICE_LIST_TOO_LONG: "Device list exceeds maximum size",
    ErrorCode.DEVICE_ID_INVALID: "Invalid device id format",
    ErrorCode.CAMPAIGN_ID_INVALID: "Invalid uuid",
    ErrorCode.PACKAGE_UNKNOWN: "Invalid firmwareName",
    ErrorCode.FILE_UNKNOWN: "Invalid fileName",
    ErrorCode.PROTOCOL_INVALID: "Invalid protocol",
    ErrorCode.START_DATE_INVALID: "Invalid start date",
    ErrorCode.END_DATE_INVALID: "Invalid end date",
    ErrorCode.WINDOW_INVALID: "Invalid time window",
    ErrorCode.STATUS_INVALID: "Invalid campaignStatus",
    ErrorCode.PILOT_TOO_LARGE: "Pilot campaign exceeds maximum of 20 devices",
    ErrorCode.CAMPAIGN_UNKNOWN: "Invalid campaignId",
    ErrorCode.CAMPAIGN_STARTED: "Cannot cancel an upgrade that has already started",
    ErrorCode.DEVICES_FIXED: "Devices cannot be added or removed in the campaign's current state",
    ErrorCode.DATES_FIXED: "Dates and time windows cannot be changed in the campaign's current state",
    ErrorCode.URL_INVALID: "Invalid callback url",
    ErrorCode.SERVICE_INVALID: "Invalid service name",
    ErrorCode.FILE_INVALID: "Invalid file upload",
    ErrorCode.FILE_TOO_LARGE: "File exceeds maximum size",
    ErrorCode.FILE_EXISTS: "File version already exists",
    ErrorCode.LOGGING_LIMIT: "Logging can be enabled for at most 20 devices",
    ErrorCode.DEVICE_UNKNOWN: "Device not found.",
    ErrorCode.INDEX_INVALID: "Invalid index value",
    ErrorCode.INDEX_TOO_HIGH: "Index exceeds number of devices in list",
    ErrorCode.CURSOR_UNKNOWN: "LastSeenDeviceId Not Valid",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "Idempotency-Key was used with another request",
    ErrorCode.BUSY: "The service is temporarily unavailable",
    ErrorCode.STORE_UNAVAILABLE: "The service is temporarily unavailable",
    ErrorCode.INTERNAL: "Internal error.",
}

_OTHER_CODES = {
    ErrorCode.IDEMPOTENCY_KEY_IN_USE: (409, "REQUEST_IN_PROGRESS"),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (422, INVALID_PARAMETER),
    ErrorCode.BUSY: (503, "SERVICE_UNAVAILABLE"),
    ErrorCode.STORE_UNAVAILABLE: (503, "SERVICE_UNAVAILABLE"),
    ErrorCode.INTERNAL: (500, "INTERNAL_SYSTEM_ERROR"),
    ErrorCode.BODY_TOO_LARGE: (413, INVALID_PARAMETER),
    ErrorCode.FILE_TOO_LARGE: (413, INVALID_PARAMETER),
    ErrorCode.ENCODING_UNSUPPORTED: (415, INVALID_PARAMETER),
}
BEARER_ERRORS = frozenset({ErrorCode.BEARER_MISSING, ErrorCode.BEARER_INVALID})
GATEWAY_ERRORS = BEARER_ERRORS | {ErrorCode.RATE_LIMITED}
"""What the gateway answers, before a request reaches the service."""
AUTH_ERRORS = BEARER_ERRORS | {
    ErrorCode.SESSION_MISSING,
    ErrorCode.SESSION_INVALID,
    ErrorCode.SESSION_EXPIRED,
    ErrorCode.LOGIN_REFUSED,
}

OWN_MESSAGES: dict[str, dict[ErrorCode, str]] = {
    "/fota/v1": {
        ErrorCode.START_DATE_INVALID: "FotaPostUpgrades: invalid state date",
        ErrorCode.STATUS_INVALID: "Invalid upgradeStatus",
        ErrorCode.CAMPAIGN_UNKNOWN: "Invalid upgradeId",
        ErrorCode.PROTOCOL_INVALID: "Invalid clientType",
    },
    "/fota/v2": {
        ErrorCode.PACKAGE_UNKNOWN: "Invalid softwareName",
        ErrorCode.PROTOCOL_INVALID: "Invalid distributionType",
    },
}
"""The messages of an API, by its context, that differ from MESSAGES."""
RETRIED_LATER = (409, 429, 503)
"""The statuses with Retry-After."""


def error_headers(error: RequestRejected, status: int = 400, retry_after_s: int = 0) -> Headers:
    """The header that says which token failed and why, and Retry-After for the statuses RETRIED_LATER."""
    headers: Headers = ()
    if error.code in AUTH_ERRORS:
        reason = error.code.value + (f" ({error.detail})" if error.detail else "")
        headers = ((AUTH_HEADER, reason.encode()),)
    return (*headers, (b"retry-after", b"%d" % retry_after_s)) if status in RETRIED_LATER else headers


def error_response(error: RequestRejected, api_context: str, retry_after_s: int) -> ApiResponse:
    """The response of `/api/fota` to a rejected request."""
    if error.code in GATEWAY_ERRORS:
        return gateway_error(error, api_context, retry_after_s)
    status, code = _OTHER_CODES.get(error.code, (400, INVALID_PARAMETER))
    message = OWN_MESSAGES.get(api_context, {}).get(error.code) or MESSAGES[error.code]
    body = ErrorBody(code, message.format(detail=error.detail))
    if error.code is ErrorCode.DEVICE_ID_INVALID:
        body.invalidDevices = [offender[:MAX_SHOWN] for offender in error.offenders]
    return json_response(body, status, error_headers(error, status, retry_after_s))


def describer(api_context: str) -> Callable[[RequestRejected, int], ApiResponse]:
    """`error_response` for one version of the API."""
    return lambda error, retry_after_s: error_response(error, api_context, retry_after_s)


def missing_credentials(error: RequestRejected, scheme: str, challenge: bytes) -> ApiResponse:
    """The gateway's response to a request without an Authorization header of this scheme."""
    fault = Fault(
        "900902",
        "Missing Credentials",
        "Required OAuth credentials not provided. Make sure your API invocation call has a header: "
        f'"Authorization: {scheme} ACCESS_TOKEN"',
    )
    return json_response(FaultBody(fault), 401, ((b"www-authenticate", challenge), *error_headers(error)))


def gateway_error(error: RequestRejected, api_context: str, retry_after_s: int = 0) -> ApiResponse:
    """The gateway's response to a bearer token that is missing or not valid, and to too many requests."""
    if error.code is ErrorCode.RATE_LIMITED:
        return _throttled_out(error, retry_after_s)
    challenge = b'Bearer realm="fotapool"'
    if error.code is ErrorCode.BEARER_MISSING:
        return missing_credentials(error, "Bearer", challenge)
    fault = _access_failure(
        "900901", "Invalid Credentials", api_context, "Make sure you have given the correct access token"
    )
    return json_response(fault, 401, ((b"www-authenticate", challenge), *error_headers(error)))


def _throttled_out(error: RequestRejected, retry_after_s: int) -> ApiResponse:
    """The answer to too many requests, which no page has: code and texts are those of the gateway's product."""
    code = "900800" if error.detail == USER else "900803"
    fault = Fault(code, "Message throttled out", "You have exceeded your quota")
    return json_response(FaultBody(fault), 429, error_headers(error, 429, retry_after_s))


def unknown_resource(api_context: str) -> ApiResponse:
    """The gateway's response to a path that the API does not have."""
    message = "No matching resource found in the API for the given request"
    advice = "Check the API documentation and add a proper REST resource path to the invocation URL"
    return json_response(_access_failure("900906", message, api_context, advice), 400)


def _access_failure(code: str, message: str, api_context: str, advice: str) -> FaultBody:
    version = api_context.rsplit("/", 1)[-1]
    return FaultBody(Fault(code, message, f"Access failure for API: {api_context}, version: {version}. {advice}"))


def method_not_allowed(allowed: str) -> ApiResponse:
    """The gateway's response to a method that the resource does not have (our choice: not documented)."""
    fault = Fault("405", "Method not allowed", f"This resource takes {allowed}")
    return json_response(FaultBody(fault), 405, ((b"allow", allowed.encode()),))


def unknown_api() -> ApiResponse:
    """The gateway's response to a path outside every API (page "Synchronous Error Messages", wrong endpoint)."""
    body = (
        b'<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code><am:type>Status report</am:type>'
        b"<am:message>Not Found</am:message><am:description>The requested resource is not available."
        b"</am:description></am:fault>"
    )
    return ApiResponse(404, body, ((b"content-type", b"application/xml"),))


class FixedResponse:
    """An ASGI application that sends one response to every request: the default of a router."""

    def __init__(self, response: ApiResponse) -> None:
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_response(send, scope, self._response, b"-")
