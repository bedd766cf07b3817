"""The words of the service for each refusal: one "Error Messages" page serves the three dialects.

Documented messages are quoted from that page (facts, section 8.1); the token and account ones follow the sibling
services (section 8.5); the last ones are our choice.
"""

from __future__ import annotations

from fotapool.api.common.responses import Answer, ErrorBody, explain_auth, gateway_error, json_answer
from fotapool.domain.errors import ErrorCode, RequestRejected

INVALID_PARAMETER = "INVALID_PARAMETER"
MAX_SHOWN = 40
"""How many characters of a malformed device id an error repeats."""

MESSAGES: dict[ErrorCode, str] = {
    ErrorCode.SESSION_MISSING: "UWS verification failure (Session token is missing.)",
    ErrorCode.SESSION_INVALID: "UWS verification failure (Session token is not valid.)",
    ErrorCode.SESSION_EXPIRED: "UWS verification failure (The Session has expired.)",
    ErrorCode.LOGIN_REFUSED: "UWS verification failure (Login refused.)",
    ErrorCode.ACCOUNT_NAME_INVALID: "Invalid account name format",
    ErrorCode.ACCOUNT_NOT_FOUND: "UWS verification failure (Could not find account {detail})",
    ErrorCode.ACCOUNT_INACTIVE: "Inactive account",
    ErrorCode.BODY_TOO_LARGE: "Request body exceeds maximum size",
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
    ErrorCode.BUSY: "The service is temporarily unavailable",
    ErrorCode.STORE_UNAVAILABLE: "The service is temporarily unavailable",
    ErrorCode.INTERNAL: "Internal error.",
}

_OTHER_CODES = {
    ErrorCode.BUSY: (503, "SERVICE_UNAVAILABLE"),
    ErrorCode.STORE_UNAVAILABLE: (503, "SERVICE_UNAVAILABLE"),
    ErrorCode.INTERNAL: (500, "INTERNAL_SYSTEM_ERROR"),
    ErrorCode.BODY_TOO_LARGE: (413, INVALID_PARAMETER),
    ErrorCode.FILE_TOO_LARGE: (413, INVALID_PARAMETER),
}
BEARER_ERRORS = frozenset({ErrorCode.BEARER_MISSING, ErrorCode.BEARER_INVALID})


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
"""Where an API names things otherwise than MESSAGES, by its context."""


def error_response(refused: RequestRejected, api_context: str, retry_after_s: int) -> Answer:
    """The answer of `/api/fota` to a refused request."""
    refusal = refused.code
    if refusal in BEARER_ERRORS:
        return gateway_error(refused, api_context)
    status, code = _OTHER_CODES.get(refusal, (400, INVALID_PARAMETER))
    message = OWN_MESSAGES.get(api_context, {}).get(refusal) or MESSAGES[refusal]
    body = ErrorBody(code, message.format(detail=refused.detail))
    if refusal is ErrorCode.DEVICE_ID_INVALID:
        body.invalidDevices = [offender[:MAX_SHOWN] for offender in refused.offenders]
    headers = explain_auth(refused)
    if status == 503:
        headers = (*headers, (b"retry-after", b"%d" % retry_after_s))
    return json_answer(body, status, headers)
